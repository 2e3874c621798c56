import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../shared/canonical-json.ts";
import { fold } from "../../shared/registers.ts";
import { commitOf, deploymentOf, type Fact, pullRequestOf, type Thing } from "../history.ts";
import { commitFinder, firstParentLine, type LoggedCommit } from "./git-graph.ts";
import { type GitHistory, type GitTag, gitFacts } from "./git-log.ts";
import { fitsPattern, pullRequestIn, revertsIn, tellingLines } from "./git-messages.ts";

const MINUTE = 60_000;
const T0 = Date.UTC(2026, 10, 1);
const sha = (n: number): string => (n + 1).toString(16).padStart(8, "0").repeat(5);
const commit = (n: number, parents: readonly number[], title = `change ${n}`, body = ""): LoggedCommit => ({
  ...{ sha: sha(n), parents: parents.map(sha), title, body },
  ...{ authoredAtMs: T0 + n * MINUTE - 1_000, committedAtMs: T0 + n * MINUTE },
});
const tag = (name: string, n: number, afterMs = 0): GitTag => ({
  name,
  commit: sha(n),
  atMs: T0 + n * MINUTE + afterMs,
});
const history = (log: readonly LoggedCommit[], o: Partial<GitHistory> = {}): GitHistory => ({
  ...{ source: "git:shop", service: "leads", environment: "production", repository: "hidden/shop", log },
  ...{
    tip: log.at(-1)?.sha ?? "",
    deployments: { by: "tags", patterns: ["v*"] },
    tags: [],
    touched: null,
    sinceMs: null,
  },
  ...o,
});
function stateOf(facts: readonly Fact[]): Record<string, Thing> {
  const things: Record<string, Thing> = {};
  for (const fact of facts) things[`${fact.kind} ${fact.key}`] = fold(things[`${fact.kind} ${fact.key}`] ?? {}, fact);
  return things;
}
const deploymentsIn = (facts: readonly Fact[]) =>
  Object.entries(stateOf(facts))
    .filter(([name]) => name.startsWith("deployment "))
    .map(([name, thing]) => deploymentOf(name.slice("deployment ".length), thing))
    .filter((one) => one !== null);

/** Histories as git makes them: each commit has a parent, some a second one. */
const graph = fc
  .array(fc.record({ first: fc.nat(4), second: fc.option(fc.nat(8), { nil: null }) }), { minLength: 1, maxLength: 40 })
  .map((shapes) =>
    shapes.map(({ first, second }, n) => {
      const parents = n === 0 ? [] : [Math.max(0, n - 1 - first)];
      const other = second === null || n === 0 ? null : Math.max(0, n - 1 - second);
      return commit(n, other === null || parents.includes(other) ? parents : [...parents, other]);
    }),
  );
/** What `git rev-list` names, walked without any cleverness. */
function ancestors(log: readonly LoggedCommit[], from: string): Set<string> {
  const found = new Set<string>();
  const walk = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const parent of log.find((one) => one.sha === name)?.parents ?? []) walk(parent);
  };
  walk(from);
  return found;
}

describe("what a deployment brought", () => {
  it("is what git rev-list names between it and the one before, in every history", () => {
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.boolean()), (log, coins) => {
        const tip = log.at(-1)?.sha ?? "";
        const { line } = firstParentLine(log, tip);
        const tagged = line.filter(() => coins.next().value);
        const tags = tagged.map(({ sha: name, committedAtMs }, i) => ({
          name: `v${i}`,
          commit: name,
          atMs: committedAtMs,
        }));
        const told = deploymentsIn(gitFacts(history(log, { tip, tags })).facts);
        expect(told.map(({ label }) => label)).toEqual(tags.map(({ name }) => name));
        for (const [i, { commits, previousCommit }] of told.entries()) {
          const before = tags[i - 1];
          expect(previousCommit).toBe(before?.commit ?? null);
          if (!before) expect(commits).toBeNull();
          else {
            const old = ancestors(log, before.commit);
            const expected = [...ancestors(log, tags[i]?.commit ?? "")].filter((name) => !old.has(name));
            expect([...(commits ?? [])].sort()).toEqual(expected.sort());
          }
        }
      }),
    );
  });
  it("is told alike in whatever order the log is read, the facts come, and however often", () => {
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.nat()), fc.boolean(), (log, dice, isByTag) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((one) => ({ one, at: dice.next().value }))
            .sort((a, b) => a.at - b.at)
            .map(({ one }) => one);
        const tip = log.at(-1)?.sha ?? "";
        const tags = firstParentLine(log, tip).line.map((one, i) => ({
          name: `v${i}`,
          commit: one.sha,
          atMs: one.committedAtMs,
        }));
        const deployments = isByTag ? ({ by: "tags", patterns: ["v*"] } as const) : ({ by: "first-parent" } as const);
        const once = gitFacts(history(log, { tip, tags, deployments })).facts;
        const again = gitFacts(history(shuffled(log), { tip, tags: shuffled(tags), deployments })).facts;
        const sorted = (facts: readonly Fact[]) => facts.map((fact) => canonicalJson(fact)).sort();
        expect(sorted(again)).toEqual(sorted(once));
        expect(new Set(once.map(({ id }) => id)).size).toBe(once.length);
        expect(stateOf(shuffled([...once, ...again]))).toEqual(stateOf(once));
      }),
    );
  });
  it("is nothing where the same state is tagged again", () => {
    const { facts } = gitFacts(
      history([commit(0, []), commit(1, [0])], { tags: [tag("v1", 1), tag("v2", 1, MINUTE)] }),
    );
    expect(deploymentsIn(facts)).toMatchObject([
      { label: "v1", kind: "planned", commits: null },
      { label: "v2", kind: "redeploy", commits: [] },
    ]);
  });
  it("leaves out tags of other branches, and says so", () => {
    const log = [commit(0, []), commit(1, [0]), commit(2, [0]), commit(3, [1, 2])];
    const told = gitFacts(history(log, { tags: [tag("v1", 0), tag("v1.1", 2), tag("v2", 3), tag("other", 1)] }));
    expect(told).toMatchObject({ deployments: 2, tagsAside: ["v1.1"] });
  });
  it("since a day has all that it brought, also what is older", () => {
    const log = [commit(0, []), commit(1, [0]), commit(2, [0]), commit(3, [1, 2])];
    const tags = [tag("v1", 1), tag("v2", 3)];
    const told = gitFacts(history(log, { tags, sinceMs: T0 + 3 * MINUTE }));
    expect(told).toMatchObject({ deployments: 1, commits: 2 });
    expect(deploymentsIn(told.facts)).toMatchObject([
      { label: "v2", commits: [sha(3), sha(2)], previousCommit: sha(1) },
    ]);
  });
});

describe("of several services in a repository", () => {
  const log = [
    ...[commit(0, []), commit(1, [0], "leads: begin (#1)"), commit(2, [1], "shop: other (#2)")],
    ...[commit(3, [2], "work on leads"), commit(4, [2, 3], "Merge pull request #3 from ada/leads", "Leads: a form")],
  ];
  const touched = { path: "apps/leads", commits: new Set([sha(0), sha(1), sha(3)]) };
  it("only what touched the path is deployed, and belongs to it", () => {
    const told = gitFacts(history(log, { touched, deployments: { by: "first-parent" } }));
    expect(told).toMatchObject({ commits: 4, pullRequests: 2, deployments: 3 });
    expect(deploymentsIn(told.facts).map(({ commits }) => commits)).toEqual([null, [sha(1)], [sha(4), sha(3)]]);
  });
  it("a tag without a change of it deploys the same again", () => {
    const told = gitFacts(history(log, { touched, tags: [tag("v1", 1), tag("v2", 2)] }));
    expect(deploymentsIn(told.facts).at(-1)).toMatchObject({ label: "v2", kind: "redeploy", commits: [] });
  });
});

describe("a revert", () => {
  const reverting = (n: number, parents: readonly number[], of: number): LoggedCommit =>
    commit(n, parents, `Revert "change ${of}"`, `This reverts commit ${sha(of)}.\n`);
  const told = (log: readonly LoggedCommit[], tags: readonly GitTag[]) =>
    deploymentsIn(gitFacts(history(log, { tags })).facts);
  it("makes its deployment a hotfix, and what had brought the change a failure until then", () => {
    const log = [commit(0, []), commit(1, [0]), reverting(2, [1], 1), commit(3, [2])];
    const tags = [tag("v1", 0), tag("v2", 1, 20_000), tag("v3", 3)];
    const [, failed, hotfix] = told(log, tags);
    expect(failed).toMatchObject({ label: "v2", outcome: "rolled_back", recoveredAtMs: T0 + 3 * MINUTE });
    expect(failed?.detectedAtMs).toBe(T0 + 2 * MINUTE - 1_000);
    expect(hotfix).toMatchObject({ label: "v3", outcome: "succeeded", kind: "hotfix", remedies: failed?.key });
    const commits = gitFacts(history(log, { tags })).facts.filter(({ kind }) => kind === "commit");
    const state = stateOf(commits)[`commit ${sha(2)}`];
    expect(commitOf(sha(2), state ?? {}).reverts).toBe(sha(1));
  });
  it("of what was never deployed says nothing of any deployment", () => {
    const log = [commit(0, []), commit(1, [0]), reverting(2, [1], 1)];
    expect(told(log, [tag("v1", 0), tag("v2", 2)])).toMatchObject([
      { outcome: "succeeded" },
      { kind: "planned", remedies: null },
    ]);
  });
  it("of what was there before the first deployment blames none", () => {
    const log = [commit(0, []), commit(1, [0]), reverting(2, [1], 0)];
    expect(told(log, [tag("v1", 1), tag("v2", 2)])).toMatchObject([
      { outcome: "succeeded" },
      { kind: "planned", remedies: null },
    ]);
  });
  it("that is taken back brings a change again, and was no failure", () => {
    const log = [commit(0, []), commit(1, [0]), reverting(2, [1], 1), reverting(3, [2], 2)];
    const [, failed, hotfix, again] = told(
      log,
      [0, 1, 2, 3].map((n) => tag(`v${n}`, n)),
    );
    expect(failed?.outcome).toBe("rolled_back");
    expect(hotfix).toMatchObject({ kind: "hotfix", outcome: "succeeded" });
    expect(again).toMatchObject({ kind: "planned", remedies: null });
  });
  it("of several deployments at once mends each, and names the newest", () => {
    const both = {
      ...commit(3, [2]),
      body: `This reverts commit ${sha(1)}.\nThis reverts commit ${sha(2).slice(0, 10)}.`,
    };
    const deployed = told(
      [commit(0, []), commit(1, [0]), commit(2, [1]), both],
      [0, 1, 2, 3].map((n) => tag(`v${n}`, n)),
    );
    expect(deployed.map(({ outcome }) => outcome)).toEqual(["succeeded", "rolled_back", "rolled_back", "succeeded"]);
    expect(deployed[3]?.remedies).toBe(deployed[2]?.key);
  });
  it("names a pull request on GitHub's button", () => {
    const log = [
      commit(0, []),
      commit(1, [0], "A form (#7)"),
      commit(2, [1], 'Revert "A form" (#8)', "Reverts hidden/shop#7"),
    ];
    expect(
      told(
        log,
        [0, 1, 2].map((n) => tag(`v${n}`, n)),
      )[2],
    ).toMatchObject({ kind: "hotfix" });
  });
});

describe("a pull request", () => {
  const only = (log: readonly LoggedCommit[]) =>
    Object.entries(stateOf(gitFacts(history(log)).facts))
      .filter(([name]) => name.startsWith("pull_request "))
      .map(([name, thing]) => pullRequestOf(name.slice("pull_request ".length), thing));
  it("has the commits between the parents of its merge", () => {
    const log = [
      commit(0, []),
      commit(1, [0]),
      commit(2, [1]),
      commit(3, [0, 2], "Merge pull request #12 from ada/form", "\nA form"),
    ];
    expect(only(log)).toMatchObject([
      {
        key: "hidden/shop#12",
        number: 12,
        title: "A form",
        mergeCommit: sha(3),
        commits: [sha(2), sha(1)],
        openedAtMs: null,
      },
    ]);
  });
  it("has its merge, and no commits that are known, when it was squashed", () => {
    const facts = gitFacts(history([commit(0, []), commit(1, [0], "A form (#12)")])).facts;
    expect(facts.find(({ kind }) => kind === "pull_request")?.fields).toEqual({
      ...{ repository: "hidden/shop", number: 12, title: "A form", mergedAtMs: T0 + MINUTE, mergeCommit: sha(1) },
    });
  });
  it("that is named twice is the one on the branch's own line", () => {
    const log = [
      commit(0, []),
      commit(1, [0], "A form (#12)"),
      commit(2, [0, 1], "Merge pull request #12 from ada/form"),
    ];
    expect(only(log)).toMatchObject([{ number: 12, mergeCommit: sha(2) }]);
  });
  it.each([
    ["Merge pull request #12 from ada/form", "\nA form", 2, { number: 12, title: "A form" }],
    ["Merged in form (pull request #12)", "A form", 2, { number: 12, title: "A form" }],
    [
      "Merge branch 'form' into 'main'",
      "A form\n\nSee merge request hidden/shop!12",
      2,
      { number: 12, title: "A form" },
    ],
    ["A form (#12)", "", 1, { number: 12, title: "A form" }],
    ["Merged PR 12: A form", "", 1, { number: 12, title: "A form" }],
    ['Revert "A form (#12)"', "", 1, null],
    ["Mends #12", "See merge request hidden/shop!13", 1, null],
    ["Merge branch 'main' into form", "", 2, null],
  ])("%s", (title, body, parents, expected) => {
    const named = {
      ...commit(
        9,
        Array.from({ length: parents }, (_, n) => n),
      ),
      title,
      body,
    };
    expect(pullRequestIn(named)).toEqual(expected);
    expect(pullRequestIn({ ...named, body: tellingLines(body) })).toEqual(expected);
  });
});

it("reads what a message takes back, also of long messages", () => {
  const body = `first\n\nlong\n\nThis reverts commit ${sha(1)}, reversing\nchanges made to ${sha(2)}.\nReverts ada/shop#3\n`;
  const expected = { commits: [sha(1)], pullRequests: [3] };
  expect(revertsIn({ ...commit(0, []), body })).toEqual(expected);
  expect(revertsIn({ ...commit(0, []), body: tellingLines(body) })).toEqual(expected);
});

it("finds a commit by a beginning that only one has", () => {
  const find = commitFinder(new Map([commit(1, []), commit(2, [])].map((one) => [one.sha, one])));
  expect(find(sha(1))).toBe(sha(1));
  expect(find(sha(1).slice(0, 12).toUpperCase())).toBe(sha(1));
  expect(find(sha(1).slice(0, 7))).toBeNull();
  expect(find("not one")).toBeNull();
});

it.each([
  ["v1.2", ["v*"], true],
  ["release-7", ["v*", "release-*"], true],
  ["old-v1", ["v*"], false],
  ["v1x2", ["v1.2"], false],
  ["a+b", ["a+?"], true],
])("%s fits %j: %s", (name, patterns, fits) => expect(fitsPattern(name, patterns)).toBe(fits));
