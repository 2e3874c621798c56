import { couldNotRun, counted, type GateFigure, type GateJudgement, judgeFigures } from "./judgement.ts";

/** What a test run came to, whichever tool ran it. */
export interface TestEvidence {
  readonly passed: number;
  readonly failed: readonly TestFailure[];
  readonly skipped: number;
  /** Files or suites that could not even be loaded: their tests are in no count. */
  readonly broken: readonly TestFailure[];
  /** Passed only when they were tried again. */
  readonly flaky: readonly string[];
}
export interface TestFailure {
  readonly name: string;
  /** The first line of its message; "" when there is none. */
  readonly message: string;
}

export interface TestPolicy {
  /** Fewer tests than this have run: something was left out. At least 1. */
  readonly minimumTests: number;
  /** null: any number may be skipped. */
  readonly maximumSkipped: number | null;
}

/** The first line that says something. */
export const firstLine = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "")
    ?.slice(0, 300) ?? "";

/**
 * Passes when at least `minimumTests` ran, none failed, every suite could be loaded, and no more than `maximumSkipped`
 * were skipped. A report in which nothing ran could not run: an empty suite proves nothing.
 */
export function judgeTests(evidence: TestEvidence, policy: TestPolicy): GateJudgement {
  const { passed, failed, skipped, broken, flaky } = evidence;
  const ran = passed + failed.length;
  if (ran === 0 && broken.length === 0)
    return couldNotRun(
      skipped > 0
        ? `All ${counted(skipped, "test")} were skipped: nothing was checked.`
        : "The report has no tests: nothing was checked.",
    );
  const figures: GateFigure[] = [
    { name: "tests", value: ran, unit: "count", limit: policy.minimumTests, holds: ran >= policy.minimumTests },
    { name: "failed", value: failed.length, unit: "count", limit: 0, holds: failed.length === 0 },
    { name: "suites not loaded", value: broken.length, unit: "count", limit: 0, holds: broken.length === 0 },
    {
      name: "skipped",
      value: skipped,
      unit: "count",
      limit: policy.maximumSkipped,
      holds: policy.maximumSkipped === null || skipped <= policy.maximumSkipped,
    },
  ];
  const why = [
    ...(failed.length > 0 ? [`${failed.length} of ${counted(ran, "test")} failed.`] : []),
    ...(broken.length > 0 ? [`${counted(broken.length, "suite")} could not be loaded.`] : []),
    ...(ran < policy.minimumTests ? [`Only ${counted(ran, "test")} ran; ${policy.minimumTests} are asked for.`] : []),
    ...(figures[3]?.holds ? [] : [`${counted(skipped, "test")} were skipped; ${policy.maximumSkipped} may be.`]),
  ];
  const also = [
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(flaky.length > 0 ? [`${flaky.length} only when tried again`] : []),
  ];
  return judgeFigures(
    figures,
    `${counted(passed, "test")} passed${also.length > 0 ? `, ${also.join(", ")}` : ""}.`,
    why,
    [
      ...[...broken, ...failed].map(({ name, message }) => (message ? `${name}: ${message}` : name)),
      ...flaky.map((name) => `${name}: passed only when tried again`),
    ],
  );
}
