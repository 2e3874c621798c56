import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { PushedRepository, REPOSITORY } from "../../../testing/github/repository.ts";
import { Clones } from "./clones.ts";

let dir: string;
let repository: PushedRepository;
let clones: Clones;
beforeEach(() => {
  dir = temporaryDirectory();
  repository = new PushedRepository(dir, join(import.meta.dirname, "..", "..", "..", "testing", "workload"));
  clones = new Clones({ dir, url: repository.url, token: async () => null });
});
afterEach(() => removeDirectory(dir));

const clone = () => join(dir, "clones", `${REPOSITORY.replace("/", "__")}.git`);
const refs = () =>
  execFileSync("git", ["for-each-ref", "--format=%(refname:lstrip=2)"], { cwd: clone() }).toString().trim().split("\n");
function push(branch: string): string {
  const commit = repository.commit(branch);
  repository.git("push", "-q", "-f", "origin", `HEAD:${branch}`);
  return commit;
}

it("forgets the branches and checkouts of previews that are gone, and keeps what is built from", async () => {
  const main = push("main");
  const topic = push("topics/one");
  const other = push("other");
  for (const branch of ["main", "topics/one", "other"]) expect((await clones.fetch(REPOSITORY, branch)).ok).toBe(true);
  for (const [commit, id] of [
    [main, "prv_1"],
    [topic, "prv_2"],
    [other, "prv_3"],
  ] as const)
    expect((await clones.checkout(REPOSITORY, commit, id)).ok).toBe(true);
  await clones.keepOnly(new Set(["prv_2"]));
  await clones.tidy(new Map([[REPOSITORY, new Set(["main", "topics/one"])]]));
  expect(refs().sort()).toEqual(["main", "topics%2Fone"]);
  expect(readdirSync(join(dir, "checkouts"))).toEqual(["prv_2"]);
  expect(readdirSync(join(clone(), "worktrees"))).toEqual(["prv_2"]);
  // What was forgotten can be had again, and what is kept is whole.
  expect(await clones.fetch(REPOSITORY, "other")).toEqual({ ok: true, value: other });
  expect((await clones.checkout(REPOSITORY, topic, "prv_4")).ok).toBe(true);
});

it("has a branch that is called like the folder of one that was deleted", async () => {
  push("topics/one");
  expect((await clones.fetch(REPOSITORY, "topics/one")).ok).toBe(true);
  repository.git("push", "-q", "origin", ":topics/one");
  const commit = push("topics");
  expect(await clones.fetch(REPOSITORY, "topics")).toEqual({ ok: true, value: commit });
});

it("has nothing to tidy where nothing was fetched", async () => {
  await clones.tidy(new Map([[REPOSITORY, new Set(["main"])]]));
});
