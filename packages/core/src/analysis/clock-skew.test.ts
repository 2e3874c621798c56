import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLOCK_OFF_MS, type ClocksOff, clockSkew, clocksOff } from "./clock-skew.ts";
import { judge, startJudge } from "./judge.ts";
import { defaultPolicy } from "./policy.ts";
import type { JudgeReport, Look } from "./types.ts";

const AHEAD: ClocksOff = { gateways: [{ name: "gw-1", byMs: 125_000 }], sourceByMs: null };
const NO_ERRORS = { errors: 0, latency: { "150": 50 }, pageViews: 0, pageErrors: 0 };
/** Six minutes of looks: 50 requests on each side every 2 s, of which the canary fails some. */
function play(canaryErrors: number, off: (atMs: number) => ClocksOff | undefined): JudgeReport[] {
  let state = startJudge(defaultPolicy);
  const reports: JudgeReport[] = [];
  for (let atMs = 2_000; atMs <= 360_000; atMs += 2_000) {
    const clocks = off(atMs);
    const look: Look = {
      atMs,
      canaryShare: 0.5,
      baseline: { requests: 50, ...NO_ERRORS },
      canary: { requests: 50, ...NO_ERRORS, errors: canaryErrors },
      ...{ baselineProcess: null, canaryProcess: null, sourceUp: true },
      ...(clocks ? { clocksOff: clocks } : {}),
    };
    const judged = judge(state, look, defaultPolicy);
    state = judged.state;
    reports.push(judged.report);
  }
  return reports;
}
const guardOf = (report: JudgeReport | undefined) => report?.guards.find((g) => g.guard === "clock_skew");

describe("a clock that is off", () => {
  it("holds, names the gateway and by how much, and proves nothing meanwhile, be the canary healthy or broken", () => {
    for (const errors of [0, 25])
      for (const report of play(errors, () => AHEAD)) {
        expect(report.verdict).toBe("INCONCLUSIVE");
        expect(report.hold).toBe(true);
        expect(guardOf(report)).toMatchObject({
          state: "hold",
          words: expect.stringContaining("The clock of gateway gw-1 is 2 min 5 s ahead of the database's"),
        });
        expect(report.reasons).toEqual([guardOf(report)?.words]);
      }
  });
  it("is quiet once it is right again, and what was counted meanwhile counts", () => {
    const until = (atMs: number) => (atMs < 180_000 ? AHEAD : undefined);
    const broken = play(25, until);
    expect(broken.findIndex((r) => r.verdict === "FAIL")).toBe(broken.findIndex((r) => r.atMs >= 180_000));
    const healthy = play(0, until).at(-1);
    expect(healthy?.verdict).toBe("PASS");
    expect(guardOf(healthy)).toMatchObject({ state: "quiet", words: "The clocks agree." });
  });
  it("keeps no release with a leak or a dying process in service", () => {
    let state = startJudge(defaultPolicy);
    let verdict = "";
    for (let i = 1; i <= defaultPolicy.restartLimit; i++) {
      const process = { residentBytes: null, processes: 1 };
      const look: Look = {
        ...{ atMs: i * 2_000, canaryShare: 0.5, sourceUp: true, clocksOff: AHEAD },
        baseline: { requests: 50, ...NO_ERRORS },
        canary: { requests: 50, ...NO_ERRORS },
        baselineProcess: { ...process, restarts: 0 },
        canaryProcess: { ...process, restarts: 1 },
      };
      const judged = judge(state, look, defaultPolicy);
      state = judged.state;
      verdict = judged.report.verdict;
    }
    expect(verdict).toBe("FAIL");
  });
  it("of a source of metrics holds where a critical metric is asked of it, and is a note elsewhere", () => {
    const off: ClocksOff = { gateways: [], sourceByMs: -3_660_000 };
    expect(clockSkew(off, true)).toMatchObject({
      state: "hold",
      words: expect.stringContaining("The metric source's clock is 1 h 1 min behind this server's"),
    });
    expect(clockSkew(off, false).state).toBe("note");
  });
  it("is told of each of several gateways, three by name", () => {
    const gateways = [1, 2, 3, 4, 5].map((i) => ({ name: `gw-${i}`, byMs: -45_000 }));
    const { words } = clockSkew({ gateways, sourceByMs: null }, false);
    expect(words).toContain("gw-3 is 45 s behind");
    expect(words).not.toContain("gw-4");
    expect(words).toContain("2 more are off");
  });
  it("is one that is off by 30 s or more, ahead or behind; anything less leaves no mark on a look", () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000_000, max: 10_000_000 }), fc.boolean(), (byMs, isSource) => {
        const measured = isSource ? clocksOff([], byMs) : clocksOff([{ name: "gw", byMs }]);
        expect("clocksOff" in measured).toBe(Math.abs(byMs) >= CLOCK_OFF_MS);
        expect(clockSkew(measured.clocksOff, true).state).toBe(Math.abs(byMs) >= CLOCK_OFF_MS ? "hold" : "quiet");
      }),
    );
  });
});
