import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../testkit/contract-server.ts";
import { Bench } from "../testkit/terminal.ts";

/** A repository that git itself made, as people make them: merges, squashes, reverts, tags, two services. */
let bench: Bench;
let minute = 0;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  minute = 0;
  git("init", "--quiet", "--initial-branch", "main");
});
afterEach(async () => {
  await bench.stop();
  expect(bench.server.violations).toEqual([]);
});

const at = (n: number): number => Date.UTC(2026, 10, 1, 0, n);
function git(...args: readonly string[]): string {
  const date = new Date(at(minute)).toISOString();
  const who = {
    GIT_AUTHOR_NAME: "Ada",
    GIT_AUTHOR_EMAIL: "a@b.c",
    GIT_COMMITTER_NAME: "Ada",
    GIT_COMMITTER_EMAIL: "a@b.c",
  };
  const env = {
    ...process.env,
    ...who,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  return execFileSync("git", args, { cwd: bench.dir, encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] }).trim();
}
function commit(message: string, path = "apps/leads/form.txt"): string {
  minute += 10;
  mkdirSync(join(bench.dir, path, ".."), { recursive: true });
  writeFileSync(join(bench.dir, path), `${message} ${minute}\n`);
  git("add", "--all");
  git("commit", "--quiet", "--message", message);
  return git("rev-parse", "HEAD");
}
function merge(branch: string, message: string): string {
  minute += 10;
  git("merge", "--quiet", "--no-ff", "--message", message, branch);
  return git("rev-parse", "HEAD");
}
function release(tag: string): void {
  minute += 1;
  git("tag", "--annotate", "--message", tag, tag);
}
interface Sent {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
/** A server that keeps what it was sent, by source and id, as ours does. */
function takeFacts(): Map<string, Sent> {
  const kept = new Map<string, Sent>();
  bench.server.answers = {
    postInsightFacts: ({ body }) => {
      const { facts } = body as { facts: (Sent & { source: string })[] };
      const news = facts.filter(({ source, id }) => !kept.has(`${source} ${id}`));
      for (const fact of news) kept.set(`${fact.source} ${fact.id}`, fact);
      return { accepted: news.length, known: facts.length - news.length };
    },
  };
  return kept;
}
const importing = (...args: readonly string[]) => bench.run("import", "git", ".", "--service", "leads", ...args);
const deployed = (kept: Map<string, Sent>): Record<string, Sent> =>
  Object.fromEntries(
    [...kept.values()]
      .filter(({ id }) => id.startsWith("deployment:"))
      .map((fact) => [String(fact.fields.label), fact]),
  );

/** v1; a merged pull request and a squashed one in v2; v3 takes the squashed one back. */
function history() {
  commit("Begin");
  release("v1");
  git("switch", "--quiet", "--create", "form");
  const one = commit('A title with "quotes", \t tabs and | pipes');
  const two = commit("A second one\n\nwith a body\nof lines", "apps/shop/cart.txt");
  git("switch", "--quiet", "main");
  const merged = merge("form", "Merge pull request #7 from ada/form\n\nA form");
  const squashed = commit("Prices (#8)\n\n* one\n* two");
  release("v2");
  minute += 10;
  git("revert", "--no-edit", squashed);
  const revert = git("rev-parse", "HEAD");
  release("v3");
  return { one, two, merged, squashed, revert };
}

describe("latchkey import git", () => {
  it("tells of commits, pull requests and deployments what git does", async () => {
    const kept = takeFacts();
    const { one, two, merged, squashed, revert } = history();
    const { out, err, exitCode } = await importing();
    expect({ exitCode, err }).toMatchObject({ exitCode: 0, err: expect.stringContaining("Reading main") });
    expect(out).toMatch(/commits +6\n/);
    expect(out).toMatch(/deployments +3, of which 1 took something back/);
    expect(out).toContain("12 sent: 12 new, 0 known");
    const { v1, v2, v3 } = deployed(kept);
    expect(v1?.fields).not.toHaveProperty("commits");
    expect([...((v2?.fields.commits ?? []) as string[])].sort()).toEqual(git("rev-list", "v1..v2").split("\n").sort());
    expect(v3?.fields).toMatchObject({
      commits: [revert],
      kind: "hotfix",
      remedies: v2?.key,
      servedAllAtMs: at(minute),
    });
    const failed = [...kept.values()].find(({ id }) => id.startsWith("reverted:"));
    expect(failed).toMatchObject({ key: v2?.key, fields: { outcome: "rolled_back", recoveredAtMs: at(minute) } });
    const fieldsOf = (key: string) => [...kept.values()].find((fact) => fact.key.endsWith(key))?.fields;
    expect(fieldsOf("#7")).toMatchObject({
      number: 7,
      title: "A form",
      mergeCommit: merged,
      commits: expect.arrayContaining([one, two]),
    });
    expect(fieldsOf("#8")).toMatchObject({ number: 8, title: "Prices", mergeCommit: squashed });
    expect(fieldsOf(one)).toMatchObject({ title: 'A title with "quotes", \t tabs and | pipes', isMerge: false });
    expect(fieldsOf(revert)).toMatchObject({ reverts: squashed });
    expect(fieldsOf(merged)).toMatchObject({ isMerge: true });
  });
  it("a second time sends nothing that is news, and after more work only that", async () => {
    takeFacts();
    history();
    await importing();
    expect((await importing()).out).toContain("12 sent: 0 new, 12 known");
    commit("More");
    release("v4");
    expect((await importing()).out).toContain("14 sent: 2 new, 12 known");
  });
  it("after it was broken off goes on where it was", async () => {
    const kept = takeFacts();
    history();
    const { postInsightFacts } = bench.server.answers;
    bench.server.answers = { postInsightFacts: () => new Refusal(422, "LK_INVALID") };
    expect((await importing()).exitCode).toBe(1);
    expect(kept.size).toBe(0);
    bench.server.answers = postInsightFacts ? { postInsightFacts } : {};
    expect((await importing()).out).toContain("12 new");
  });
  it("sends nothing with --dry-run, and says in JSON what it would", async () => {
    history();
    const { out, exitCode } = await importing("--dry-run", "--json", "--deployments", "first-parent");
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ commits: 6, pullRequests: 2, deployments: 4, hotfixes: 1, sent: null });
    expect(bench.server.asked).toEqual([]);
  });
  it("keeps to a path, and to what came since a day", async () => {
    const kept = takeFacts();
    const { one, two } = history();
    await importing("--path", "apps/shop", "--deployments", "first-parent");
    expect([...kept.values()].filter(({ kind }) => kind === "deployment")).toHaveLength(1);
    expect([...kept.values()].map(({ key }) => key)).toContain(two);
    expect([...kept.values()].map(({ key }) => key)).not.toContain(one);
    const { out } = await importing("--since", new Date(at(minute)).toISOString(), "--dry-run", "--json");
    expect(JSON.parse(out)).toMatchObject({ deployments: 1, commits: 1 });
  });
  it("is of the same repository from every worktree and clone, whose address is not told", async () => {
    history();
    const named = async (path: string): Promise<unknown> =>
      (
        JSON.parse((await bench.run("import", "git", path, "--service", "leads", "--dry-run", "--json")).out) as {
          repository: unknown;
        }
      ).repository;
    const folder = await named(".");
    expect(bench.dir.endsWith(`/${folder}`)).toBe(true);
    git("worktree", "add", "--quiet", "elsewhere");
    expect(await named("elsewhere")).toBe(folder);
    git("remote", "add", "origin", "https://ada:secret@git.example/hidden/shop.git");
    expect(await named(".")).toBe("hidden/shop");
  });
  it("reads another branch, other tags, and says which are aside", async () => {
    history();
    git("switch", "--quiet", "--create", "hotfix", "v2");
    commit("Only here");
    release("v2.1");
    expect((await importing("--dry-run")).out).toContain("not on the branch's own line: 1 tags (v2.1).");
    const { out } = await importing("--dry-run", "--json", "--branch", "hotfix", "--tags", "v2*", "w*");
    expect(JSON.parse(out)).toMatchObject({ deployments: 2, tagsAside: [] });
    expect((await importing("--dry-run", "--tags", "x*")).out).toContain("no tag on the branch is called x*");
  });
  it.each([
    [["--branch", "--output=x"], "There is no commit --output=x"],
    [["--since", "yesterday"], "--since yesterday is no date."],
    [["--environment", "Pro duction"], "--environment Pro duction is no name."],
  ])("refuses %j", async (args, words) => {
    commit("Begin");
    expect(await importing(...args)).toMatchObject({ exitCode: 2, err: expect.stringContaining(words) });
  });
  it("refuses half a history, an empty one, and what is none", async () => {
    expect((await importing()).err).toContain("There is no commit yet");
    history();
    git("clone", "--quiet", "--depth", "2", `file://${bench.dir}`, "shallow");
    expect((await bench.run("import", "git", "shallow", "--service", "leads")).err).toContain("git fetch --unshallow");
    expect(await bench.run("import", "git", "nowhere", "--service", "leads")).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining("no folder"),
    });
  });
});
