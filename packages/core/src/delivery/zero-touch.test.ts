import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UTC } from "../shared/zone.ts";
import { decideZeroTouch, whyAttended, type ZeroTouchEvidence, type ZeroTouchPolicy } from "./zero-touch.ts";

const HOUR_MS = 3_600_000;
const POLICY: ZeroTouchPolicy = {
  ...{ paths: ["src/**", "docs/**"], attended: ["src/payments/**"], maximumFiles: 3, maximumLines: 100 },
  ...{ maximumCommits: 2, authorRoles: ["owner", "sre"], minimumBudgetPercent: 20, quietMs: 2 * HOUR_MS },
  hours: [{ days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "17:00", zone: UTC }],
};
/** A Thursday, 10:00 UTC. */
const THURSDAY = Date.UTC(2026, 0, 1, 10);
const EVIDENCE: ZeroTouchEvidence = {
  atMs: THURSDAY,
  files: [{ path: "src/page.ts", lines: 12 }],
  commits: 1,
  authors: [["owner"]],
  budget: { kind: "known", remainingRatio: 0.8 },
  rolledBackAtMs: null,
};
const of = (change: Partial<ZeroTouchEvidence>, policy: Partial<ZeroTouchPolicy> = {}) =>
  decideZeroTouch({ ...POLICY, ...policy }, { ...EVIDENCE, ...change });
const broken = (change: Partial<ZeroTouchEvidence>) => {
  const decision = of(change);
  return decision.reasons.filter(({ holds }) => !holds).map(({ rule }) => rule);
};

describe("a change", () => {
  it("goes out alone when every rule holds, and says of each that it does", () => {
    expect(of({})).toMatchObject({ alone: true });
    expect(of({}).reasons.map(({ rule }) => rule)).toEqual([
      ...["paths", "attended", "size", "commits", "authors", "budget", "hours", "quiet"],
    ]);
    expect(whyAttended(of({}))).toEqual([]);
  });

  it.each<[string, Partial<ZeroTouchEvidence>, string[]]>([
    ["what is not known", { files: null }, ["paths"]],
    ["a file that is not among those", { files: [{ path: "package.json", lines: 1 }] }, ["paths"]],
    ["a file that people look at", { files: [{ path: "src/payments/a.ts", lines: 1 }] }, ["attended"]],
    ["many lines", { files: [{ path: "src/a.ts", lines: 101 }] }, ["size"]],
    ["many files", { files: ["a", "b", "c", "d"].map((n) => ({ path: `src/${n}.ts`, lines: 1 })) }, ["size"]],
    ["many commits", { commits: 3 }, ["commits"]],
    ["an author of another role", { authors: [["owner"], ["viewer"]] }, ["authors"]],
    ["an author whom nobody knows", { authors: [["owner"], null] }, ["authors"]],
    ["nobody who wrote it", { authors: [] }, ["authors"]],
    ["a budget that is spent", { budget: { kind: "known", remainingRatio: 0.1 } }, ["budget"]],
    ["a budget that nobody keeps", { budget: { kind: "unavailable", words: "No." } }, ["budget"]],
    ["a budget that nobody could ask for", { budget: null }, ["budget"]],
    ["a weekend", { atMs: THURSDAY + 48 * HOUR_MS }, ["hours"]],
    ["a rollback an hour ago", { rolledBackAtMs: THURSDAY - HOUR_MS }, ["quiet"]],
  ])("waits for a person because of %s", (_, change, rules) => {
    expect(broken(change)).toEqual(rules);
    expect(of(change).alone).toBe(false);
    expect(whyAttended(of(change))).toHaveLength(rules.length);
  });

  it("tells all reasons at once, naming the files", () => {
    const decision = of({ files: ["a", "b", "c", "d", "e"].map((n) => ({ path: `${n}.sql`, lines: 90 })), commits: 9 });
    expect(whyAttended(decision)).toEqual([
      "a.sql, b.sql, c.sql and 2 more are not among what may go alone.",
      "It is large: 5 files with 450 changed lines; 3 and 100 may go alone.",
      "It carries 9 commits; 2 may go alone.",
    ]);
  });

  it("two hours after a rollback goes alone again", () => {
    expect(of({ rolledBackAtMs: THURSDAY - 2 * HOUR_MS }).alone).toBe(true);
  });
});

const anyFiles = fc.option(
  fc.array(
    fc.record({ path: fc.constantFrom("src/a.ts", "src/payments/b.ts", "db/c.sql", "docs/d.md"), lines: fc.nat(200) }),
    { maxLength: 6 },
  ),
);
const anyEvidence: fc.Arbitrary<ZeroTouchEvidence> = fc.record({
  atMs: fc.integer({ min: THURSDAY, max: THURSDAY + 400 * HOUR_MS }),
  files: anyFiles,
  commits: fc.nat(5),
  authors: fc.array(fc.option(fc.subarray(["owner", "sre", "viewer"])), { maxLength: 3 }),
  budget: fc.constantFrom(
    null,
    { kind: "known" as const, remainingRatio: 0.5 },
    { kind: "known" as const, remainingRatio: -1 },
  ),
  rolledBackAtMs: fc.option(fc.integer({ min: THURSDAY - 5 * HOUR_MS, max: THURSDAY })),
});

describe("whatever is known", () => {
  it("a stricter policy never lets go what a looser one holds", () => {
    fc.assert(
      fc.property(anyEvidence, (evidence) => {
        const loose: ZeroTouchPolicy = {
          ...{ paths: [], attended: [], maximumFiles: 1e6, maximumLines: 1e6, maximumCommits: 1e6, authorRoles: [] },
          ...{ minimumBudgetPercent: null, hours: [], quietMs: 0 },
        };
        if (decideZeroTouch(POLICY, evidence).alone) expect(decideZeroTouch(loose, evidence).alone).toBe(true);
        // Only that nobody knows what changed holds a policy that asks for nothing.
        expect(decideZeroTouch(loose, evidence).alone).toBe(evidence.files !== null);
      }),
    );
  });

  it("more of everything never makes a change go alone", () => {
    fc.assert(
      fc.property(anyEvidence, (evidence) => {
        const more = {
          ...evidence,
          commits: evidence.commits + 1,
          files: evidence.files && [...evidence.files, { path: "src/more.ts", lines: 1 }],
        };
        if (decideZeroTouch(POLICY, more).alone) expect(decideZeroTouch(POLICY, evidence).alone).toBe(true);
      }),
    );
  });
});
