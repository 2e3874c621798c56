import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { deploymentOf } from "@latchkey/core/insights/history";
import { type GitFacts, gitFacts } from "@latchkey/core/insights/import/git-log";
import { describe, expect, it } from "vitest";
import { readLog, readTouched } from "./git.ts";

/** Latchkey's own history up to a commit that stays, against what git counts itself in other ways. */
const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const END = "353e7803b6eb57e22bbc4c2ea5122065b7727938";
const git = (...args: readonly string[]): string =>
  execFileSync("git", args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 100_000_000,
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
const isThere = (): boolean => {
  try {
    return git("rev-parse", "--is-shallow-repository") === "false" && git("cat-file", "-t", END) === "commit";
  } catch {
    return false;
  }
};
const isWhole = isThere();
if (!isWhole)
  process.stderr.write(
    `SKIPPED: own-history.test.ts needs the whole history up to ${END}; this clone has not got it.\n`,
  );

const count = (...args: readonly string[]): number => Number(git("rev-list", "--count", ...args));
async function told(path: string | null, sinceMs: number | null): Promise<GitFacts> {
  const touched = path === null ? null : { path, commits: await readTouched(ROOT, END, path) };
  const log = await readLog(ROOT, END, () => {});
  return gitFacts({
    ...{
      source: "git:latchkey",
      repository: "latchkey",
      service: "leads",
      environment: "production",
      tags: [],
      tip: END,
    },
    ...{ log, touched, sinceMs, deployments: { by: "first-parent" } },
  });
}
const deployments = ({ facts }: GitFacts) =>
  facts
    .filter(({ id }) => id.startsWith("deployment:"))
    .map(({ key, atMs, rank, fields }) =>
      deploymentOf(
        key,
        Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { value, atMs, rank }])),
      ),
    )
    .filter((one) => one !== null);
const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

describe.skipIf(!isWhole)("Latchkey's own history", () => {
  it("has the commits and the states of the branch that git counts", async () => {
    const all = await told(null, null);
    expect(all.commits).toBe(count(END));
    expect(all.deployments).toBe(count("--first-parent", END));
    expect(all.facts.filter(({ fields }) => fields.isMerge === true)).toHaveLength(count("--merges", END));
    expect(new Set(all.facts.map(({ id }) => id)).size).toBe(all.facts.length);
  });
  it("has each commit in exactly one deployment, the one that git names", async () => {
    const [first, ...later] = deployments(await told(null, null));
    expect(first?.commits).toBeNull();
    const brought = later.flatMap(({ commits }) => commits ?? []);
    expect(new Set(brought).size).toBe(brought.length);
    expect(brought.length).toBe(count(END) - count(first?.commit ?? ""));
    for (const one of later.slice(-25))
      expect([...(one.commits ?? [])].sort()).toEqual(
        git("rev-list", `${one.previousCommit}..${one.commit}`).split("\n").sort(),
      );
  });
  it("has the median lead time that git's own dates give, day by day", async () => {
    const found = deployments(await told(null, null));
    const times = new Map(
      git("log", "--format=%H %at %ct", END)
        .split("\n")
        .map((line) => {
          const [sha = "", authored, committed] = line.split(" ");
          return [sha, { authored: Number(authored) * 1_000, committed: Number(committed) * 1_000 }];
        }),
    );
    const days = new Set(found.map(({ servedAllAtMs }) => new Date(servedAllAtMs ?? 0).toISOString().slice(0, 10)));
    expect(days.size).toBeGreaterThan(1);
    for (const day of days) {
      const ours = found
        .filter(({ servedAllAtMs }) => new Date(servedAllAtMs ?? 0).toISOString().startsWith(day))
        .flatMap(({ commits, servedAllAtMs }) =>
          (commits ?? []).map((sha) => (servedAllAtMs ?? 0) - (times.get(sha)?.authored ?? Number.NaN)),
        );
      // git's own walk of the branch: who brought a commit is the first merge of the line that holds it.
      const line = git("log", "--first-parent", "--format=%H %P", END)
        .split("\n")
        .map((text) => text.split(" "));
      const theirs = line.flatMap(([sha = "", parent]) => {
        const served = times.get(sha)?.committed ?? 0;
        if (parent === undefined || parent === "" || !new Date(served).toISOString().startsWith(day)) return [];
        const shas = git("rev-list", sha, `^${parent}`).split("\n");
        return shas.map((each) => served - (times.get(each)?.authored ?? Number.NaN));
      });
      expect(ours).toHaveLength(theirs.length);
      expect(median(ours)).toBe(median(theirs));
    }
  });
  it("of one service has what touched its path", async () => {
    const path = "apps/leads";
    const all = await told(path, null);
    expect(all.commits).toBe(count("--full-history", "--no-merges", END, "--", path));
    expect(all.deployments).toBeLessThan(count("--first-parent", END));
    const first = git(
      "log",
      "--first-parent",
      "--format=%H",
      "--diff-merges=first-parent",
      "--reverse",
      END,
      "--",
      path,
    ).split("\n")[0];
    expect(deployments(all)[0]?.commit).toBe(first);
  });
  it("since a day has that day's deployments, and all that they brought", async () => {
    const since = "2026-11-27T00:00:00Z";
    const found = await told(null, Date.parse(since));
    const states = git("log", "--first-parent", "--format=%ct", END)
      .split("\n")
      .map((at) => Number(at) * 1_000);
    expect(found.deployments).toBe(states.filter((atMs) => atMs >= Date.parse(since)).length);
    const shas = new Set(found.facts.filter(({ kind }) => kind === "commit").map(({ key }) => key));
    for (const { commits } of deployments(found)) for (const sha of commits ?? []) expect(shas).toContain(sha);
  });
});
