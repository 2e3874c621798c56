import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CoverageEvidence, changedCoverage, judgeCoverage, totalOf } from "./coverage.ts";
import { readCobertura, readIstanbulSummary, readLcov } from "./coverage-reports.ts";
import { changedFiles, readDiff } from "./unified-diff.ts";
import type { XmlElement } from "./xml-element.ts";

const value = <T>(result: { ok: true; value: T } | { ok: false; error: string }): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const element = (name: string, attributes: Record<string, string> = {}, ...children: XmlElement[]): XmlElement => ({
  name,
  attributes,
  children,
  text: "",
});

const files = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,6}\.ts$/),
  fc.dictionary(fc.integer({ min: 1, max: 200 }).map(String), fc.integer({ min: 0, max: 9 }), {
    minKeys: 1,
    maxKeys: 20,
  }),
  { minKeys: 1, maxKeys: 6 },
);
type Files = Record<string, Record<string, number>>;
const asLcov = (of: Files): string =>
  Object.entries(of)
    .map(
      ([path, lines]) =>
        `TN:\nSF:${path}\n${Object.entries(lines)
          .map(([n, hits]) => `DA:${n},${hits}\n`)
          .join("")}end_of_record\n`,
    )
    .join("");
const asCobertura = (of: Files): XmlElement =>
  element(
    "coverage",
    {},
    element(
      "packages",
      {},
      ...Object.entries(of).map(([filename, lines]) =>
        element(
          "class",
          { filename },
          element(
            "lines",
            {},
            ...Object.entries(lines).map(([number, hits]) => element("line", { number, hits: String(hits) })),
          ),
        ),
      ),
    ),
  );

describe("coverage reports", () => {
  it("say the same in lcov, twice in lcov, and in Cobertura", () => {
    fc.assert(
      fc.property(files, (of) => {
        const once = value(readLcov(asLcov(of)));
        expect(value(readLcov(asLcov(of) + asLcov(of)))).toEqual(once);
        expect(value(readCobertura(asCobertura(of)))).toEqual(once);
        const lines = Object.values(of).flatMap((one) => Object.values(one));
        expect(totalOf(once)).toEqual({ lines: lines.length, hit: lines.filter((n) => n > 0).length });
      }),
    );
  });

  it.each([
    ["DA:1,1", "line 1 counts a line before any file"],
    ["SF:a.ts\nDA:x,1", 'line 2 is no DA:<line>,<hits>: "DA:x,1"'],
    ["", "names no file"],
  ])("name the place of a mistake in lcov: %j", (text, words) => {
    expect(readLcov(text)).toEqual({ ok: false, error: expect.stringContaining(words) });
  });

  it("read a summary of Istanbul, and refuse one that can't be true", () => {
    const summary = (covered: number) => ({ total: { lines: { total: 10, covered, skipped: 0, pct: 80 } } });
    expect(value(readIstanbulSummary(summary(8)))).toEqual({ kind: "summary", lines: 10, hit: 8 });
    expect(readIstanbulSummary(summary(11)).ok).toBe(false);
    expect(readIstanbulSummary([]).ok).toBe(false);
  });
});

describe("a diff", () => {
  it("gives the lines that are new, by the new file's path", () => {
    const diff = [
      "diff --git a/src/a.ts b/src/a.ts",
      "--- a/src/a.ts",
      "+++ b/src/a.ts",
      "@@ -3 +3,2 @@ function f() {",
      "-old",
      "+new",
      "+++ looks like a head, and is a line",
      "@@ -10,3 +12,3 @@",
      " same",
      "-gone",
      "+came",
      " same",
      "@@ -20,2 +21,0 @@",
      "-a",
      "-b",
      "diff --git a/dead.ts b/dead.ts",
      "--- a/dead.ts",
      "+++ /dev/null",
      "@@ -1 +0,0 @@",
      "-x",
    ].join("\n");
    expect([...readDiff(diff)].map(([path, lines]) => [path, [...lines]])).toEqual([["src/a.ts", [3, 4, 13]]]);
    expect(changedFiles(diff).map(({ path }) => path)).toEqual(["src/a.ts", "dead.ts"]);
  });
});

describe("the gate on coverage", () => {
  const evidence = (of: Files): CoverageEvidence => value(readLcov(asLcov(of)));
  const policy = { floorPercent: 80, changedFloorPercent: null, mayDropPoints: 0 };
  const nothing = { beforePercent: null, changed: null };
  const four = evidence({ "/ci/repo/src/a.ts": { 1: 1, 2: 1, 3: 1, 4: 1, 5: 0 } });

  it("passes at the floor, and fails below it", () => {
    expect(judgeCoverage(four, policy, nothing)).toMatchObject({
      status: "passed",
      words: "80.00 % of all lines are covered.",
    });
    const failed = judgeCoverage(four, { ...policy, floorPercent: 80.1 }, nothing);
    expect(failed).toMatchObject({ status: "failed", words: "80.00 % of all lines are covered; the floor is 80.1 %." });
  });

  it("does not let it drop, and takes a rounding for no drop", () => {
    expect(judgeCoverage(four, policy, { beforePercent: 80.5, changed: null }).words).toBe(
      "Coverage fell from 80.50 % to 80.00 %; it may fall by 0 points.",
    );
    expect(judgeCoverage(four, policy, { beforePercent: 80 + 1e-12, changed: null }).status).toBe("passed");
    expect(judgeCoverage(four, { ...policy, mayDropPoints: 1 }, { beforePercent: 80.5, changed: null }).status).toBe(
      "passed",
    );
  });

  it("finds changed files below whatever folder the report was made in, and names their bare lines", () => {
    const changed = new Map([["src/a.ts", new Set([3, 4, 5, 99])]]);
    const judged = judgeCoverage(four, { ...policy, changedFloorPercent: 90 }, { beforePercent: null, changed });
    expect(judged).toMatchObject({
      status: "failed",
      words: "66.66 % of the 3 changed lines are covered; the floor is 90 %.",
    });
    expect(judged.details).toEqual(["src/a.ts: not covered line 5"]);
    // "aa.ts" ends as "a.ts" does, and is another file.
    expect(changedCoverage(new Map([["src/aa.ts", new Map([[1, 0]])]]), new Map([["a.ts", new Set([1])]])).lines).toBe(
      0,
    );
  });

  it("could not run on a report without lines, or when what changed is not known", () => {
    expect(judgeCoverage({ kind: "summary", lines: 0, hit: 0 }, policy, nothing).status).toBe("could_not_run");
    const asked = { ...policy, changedFloorPercent: 80 };
    expect(judgeCoverage(four, asked, nothing).status).toBe("could_not_run");
    const known = { beforePercent: null, changed: new Map() };
    expect(judgeCoverage({ kind: "summary", lines: 9, hit: 9 }, asked, known).status).toBe("could_not_run");
    expect(judgeCoverage(four, asked, known).status).toBe("passed");
  });
});
