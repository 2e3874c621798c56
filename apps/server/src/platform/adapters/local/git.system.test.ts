import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { commitsBetween, sourceState } from "./git.ts";

let dir: string;
const git = (...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: dir })
    .toString()
    .trim();
function commit(path: string, message: string): string {
  writeFileSync(join(dir, path), message);
  git("add", "-A");
  git("commit", "-q", "-m", message);
  return git("rev-parse", "HEAD");
}

beforeEach(() => {
  dir = temporaryDirectory();
  git("init", "-q", "-b", "trunk");
  mkdirSync(join(dir, "app"));
  mkdirSync(join(dir, "other"));
});
afterEach(() => removeDirectory(dir));

describe("where a working tree stands", () => {
  it("is its commit, branch, message and author", async () => {
    const head = commit("app/a", "Add the form");
    expect(await sourceState(join(dir, "app"))).toEqual({
      commit: head,
      branch: "trunk",
      message: "Add the form",
      author: "Ada",
      dirty: false,
    });
  });

  it("is dirty when the service's own folder has changes, not when another's has", async () => {
    commit("app/a", "one");
    commit("other/b", "two");
    writeFileSync(join(dir, "other", "b"), "changed");
    expect((await sourceState(join(dir, "app"))).dirty).toBe(false);
    writeFileSync(join(dir, "app", "new"), "untracked");
    expect((await sourceState(join(dir, "app"))).dirty).toBe(true);
  });

  it("has no commit outside of git or before the first one, and counts as dirty", async () => {
    expect(await sourceState(join(dir, "app"))).toMatchObject({ commit: null, dirty: true });
    const outside = temporaryDirectory();
    expect(await sourceState(outside)).toMatchObject({ commit: null, branch: null, dirty: true });
    removeDirectory(outside);
  });
});

describe("the changes of a deployment", () => {
  it("are the commits to its folder since the one that is served, newest first", async () => {
    const served = commit("app/a", "one");
    commit("other/b", "elsewhere");
    commit("app/a", "two");
    const head = commit("app/a", "three");
    expect((await commitsBetween(join(dir, "app"), served, head)).map((c) => c.message)).toEqual(["three", "two"]);
  });

  it("are none when the served commit is shipped again", async () => {
    const head = commit("app/a", "one");
    expect(await commitsBetween(join(dir, "app"), head, head)).toEqual([]);
  });

  it("are the commit itself for a first deployment, also when it is the first commit of all", async () => {
    const first = commit("app/a", "one");
    expect((await commitsBetween(join(dir, "app"), null, first)).map((c) => c.message)).toEqual(["one"]);
    const second = commit("app/a", "two");
    expect((await commitsBetween(join(dir, "app"), null, second)).map((c) => c.message)).toEqual(["two"]);
  });

  it("are all there when they are many with long subjects, but never more than 200", async () => {
    const served = commit("app/a", "one");
    const subject = "an explanation that goes on and on ".repeat(8).trim();
    const stream = Array.from({ length: 210 }, (_, i) => {
      const message = `${i} ${subject}`;
      return `commit refs/heads/trunk\ncommitter Ada <ada@example.org> ${1_700_000_000 + i} +0000\ndata ${message.length}\n${message}\n${i === 0 ? `from ${served}\n` : ""}M 100644 inline app/a\ndata ${String(i).length}\n${i}\n`;
    });
    execFileSync("git", ["fast-import", "--quiet"], { cwd: dir, input: stream.join("") });
    const changes = await commitsBetween(join(dir, "app"), served, git("rev-parse", "trunk"));
    expect(changes.map((c) => c.message)).toEqual(Array.from({ length: 200 }, (_, i) => `${209 - i} ${subject}`));
    expect(changes.every((c) => /^[0-9a-f]{40}$/.test(c.commit))).toBe(true);
  });

  it("are none when nothing is known of the commits", async () => {
    commit("app/a", "one");
    expect(await commitsBetween(join(dir, "app"), null, null)).toEqual([]);
    expect(await commitsBetween(join(dir, "app"), "0".repeat(40), "1".repeat(40))).toEqual([]);
  });
});
