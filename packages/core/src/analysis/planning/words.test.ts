import { expect, it } from "vitest";
import { harmWords, healthyWords, needWords, residualWords, smallestWords, strategyWords, timeWords } from "./words.ts";

it.each([
  ["errors", 0.001, "0.1 points more failures"],
  ["errors", 0.01, "1 point more failures"],
  ["errors", 1, "all requests fail"],
  ["slowdown", 0.75, "75 % slower"],
  ["slowdown", 1, "twice as slow"],
  ["slowdown", 9, "10 times as slow"],
] as const)("names harm: %s %d", (kind, size, words) => expect(harmWords(kind, size)).toBe(words));

it("names times as people do", () => {
  expect([400, 45_000, 1_200_000, 9_000_000, 93_600_000, 400_000_000].map(timeWords)).toEqual([
    ...["1 s", "45 s", "20 min", "2.5 h", "26 h", "5 days"],
  ]);
});

it("says what becomes of healthy releases, all of them", () => {
  const healthy = { runs: 200, falseRollbacks: 1, falseRollbackHigh: 0.0278, falseRollbackBound: 0.01 };
  expect(
    healthyWords({ ...healthy, proved: 150, promotedUnproved: 0, passMedianMs: 344_000, passP90Ms: null }),
  ).toEqual([
    "Rolled back by mistake: 1 of 200 (with 95 % confidence below 2.8 %; the judge guarantees at most 1 %, whatever the traffic).",
    "Proved safe and promoted: 75 %, half of all within 6 min.",
    "Without a verdict and not promoted: 24.5 %.",
  ]);
  expect(
    healthyWords({ ...healthy, proved: 0, promotedUnproved: 199, passMedianMs: null, passP90Ms: null }).slice(1),
  ).toEqual(["Proved safe and promoted: 0 %.", "Promoted without a proof, as the policy says: 99.5 %."]);
});

it("says what a strategy does, and what risk it leaves", () => {
  const strategy = {
    ...{ steps: [{ trafficPercent: 10 }, { trafficPercent: 50 }], maximumMs: 1_800_000 },
    ...{ onInconclusive: "hold" as const, holdbackPercent: 5, holdbackMs: 600_000 },
  };
  expect(strategyWords(strategy)).toBe(
    "10 %, 50 % of the traffic; without a verdict after 30 min a person is asked; 5 % stay on the old release for 10 min after promotion.",
  );
  expect(residualWords({ errorRatio: 0.1, chance: 0.125, chanceHigh: 0.2611 })).toContain(
    "with a chance of 13 % (with 95 % confidence below 26 %)",
  );
});

it("says what is found, and what a verdict needs", () => {
  const found = { size: 0.2, medianMs: 971_000, p90Ms: 1_600_000, visitorRequests: 40, users: 1 };
  expect(smallestWords("errors", found)).toBe(
    "The smallest harm of failures found with 90 %: 20 points more failures: half within 16 min, nine of ten within 27 min, after 40 visitors' requests of about 1 user.",
  );
  expect(smallestWords("slowdown", null)).toBe("The smallest harm of slowness found with 90 %: none.");
  expect(needWords({ verdict: "PASS", harm: null, canaryRequests: 911, atMs: 121_100_000 }, 1_800_000)).toBe(
    "PASS, at least 911 canary requests without a failure, which have come after 34 h, later than the 30 min that it waits.",
  );
  const outage = { kind: "errors" as const, size: 1 };
  expect(needWords({ verdict: "FAIL", harm: outage, canaryRequests: 4, atMs: 5_000 }, 1_800_000)).toBe(
    "FAIL: all requests fail, about 4 canary requests, which have come after 5 s.",
  );
});
