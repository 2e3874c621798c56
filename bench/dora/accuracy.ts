import { keysOf } from "@latchkey/core/insights/keys";
import { historyOf, recordsOf, tallyOf } from "@latchkey/core/insights/replay";
import { makeWorld, type Truth } from "@latchkey/core/insights/testing/world";
import { type Bench, type Figure, figure, median } from "../figure.ts";
import { byClock } from "./clock.ts";

const FROM_MS = 1_767_225_600_000;
const DAYS = 180;
const PER_DAY = [2.2, 5.6, 10, 28, 56] as const;
/** Of figures that the truth is known of: at most this far off it. */
const OFF_PERCENT = 1;

/** Of failures that all visitors met, so many are mended along with something planned in the world that leaves less on record. */
const MENDED_ALONG = 0.1;

/** How far off the truth the keys are, and how many incidents are put down to the right deployment, beside linking by the clock. */
export function measureAccuracy(bench: Bench): Figure[] {
  const worlds = bench.runs ?? (bench.quick ? 2 : 10);
  const runs = (perDay: number, mendedAlong: number) => {
    bench.say(`${worlds} worlds of ${DAYS} days with ${perDay} deployments a day`);
    return Array.from({ length: worlds }, (_, i) => runOf(bench.seed * 1000 + i, perDay, mendedAlong));
  };
  return [
    ...PER_DAY.flatMap((perDay) => figuresOf(`at ${perDay} a day`, runs(perDay, 0), OFF_PERCENT)),
    // Here one failure in 200 is on no record, and as half of all recover in minutes and the others in an hour, their median jumps at less.
    ...figuresOf(`at 10 a day, 1 of 10 mended along with planned work`, runs(10, MENDED_ALONG), null),
  ];
}

interface Run {
  readonly truth: Truth;
  readonly ours: Readonly<Record<"failRate" | "recovery" | "rework" | "leadTime", number>>;
  readonly real: Run["ours"];
  readonly clock: Readonly<Record<"failRate" | "recovery", number>>;
  /** Incidents that a deployment caused: how many are put down to it. Those that none caused: how many are blamed on one. */
  readonly caused: { readonly n: number; readonly ours: number; readonly clock: number };
  readonly unrelated: { readonly n: number; readonly ours: number; readonly clock: number };
}

function runOf(seed: number, perDay: number, mendedAlong: number): Run {
  const { facts, truth, window } = makeWorld({ seed, fromMs: FROM_MS, days: DAYS, perDay, mendedAlong });
  const history = historyOf(facts);
  const records = recordsOf(history);
  const keys = keysOf(tallyOf(records, window, Number.POSITIVE_INFINITY), window, "dora-2025");
  const clock = byClock(history);
  const links = new Map(records.incidents.map((incident) => [incident.key, incident.deployment]));
  const caused = { n: 0, ours: 0, clock: 0 };
  const unrelated = { n: 0, ours: 0, clock: 0 };
  for (const [incident, cause] of truth.causes) {
    const [ours, theirs] = [links.get(incident) ?? null, clock.links.get(incident) ?? null];
    const to = cause === null ? unrelated : caused;
    to.n += 1;
    if (cause === null ? ours !== null : ours === cause) to.ours += 1;
    if (cause === null ? theirs !== null : theirs === cause) to.clock += 1;
  }
  const value = (name: keyof Run["ours"]) => keys[name].value ?? Number.NaN;
  return {
    ...{ truth, caused, unrelated },
    ours: {
      failRate: value("failRate"),
      recovery: value("recovery"),
      rework: value("rework"),
      leadTime: value("leadTime"),
    },
    real: {
      failRate: truth.failed.size / truth.delivered.size,
      recovery: middleOf([...truth.failed.values()].map(({ fromMs, untilMs }) => untilMs - fromMs)),
      rework: truth.rework.size / truth.met.size,
      leadTime: middleOf([...truth.leadMs.values()]),
    },
    clock: { failRate: clock.failRate, recovery: clock.recoveryMs },
  };
}

/** The median, between its two middle values where their number is even. */
const middleOf = (values: readonly number[]): number => (median(values) - median(values.map((value) => -value))) / 2;

/** `atMost`: how many percent the keys may be off; null for figures that only inform. */
function figuresOf(at: string, runs: readonly Run[], atMost: number | null): Figure[] {
  const mean = (of: (run: Run) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  /** How far the mean of all worlds is off the truth's: small worlds have few failures, so that one more or less is much. */
  const offBy = (of: (run: Run) => number, real: (run: Run) => number) => 100 * Math.abs(mean(of) / mean(real) - 1);
  const off = (name: keyof Run["ours"], words: string, peer: Figure["peer"] = null) =>
    figure(
      `${words} off the truth ${at}`,
      offBy(
        (run) => run.ours[name],
        (run) => run.real[name],
      ),
      "%",
      {
        ...(atMost === null ? { peer } : { atMost, peer }),
      },
    );
  const byTheClock = (name: keyof Run["clock"]): Figure["peer"] => ({
    ...{
      name: "by the clock",
      value: offBy(
        (run) => run.clock[name],
        (run) => run.real[name],
      ),
    },
  });
  const total = (name: "caused" | "unrelated", of: "n" | "ours" | "clock") =>
    runs.reduce((sum, run) => sum + run[name][of], 0);
  const percent = (name: "caused" | "unrelated", of: "ours" | "clock") => (100 * total(name, of)) / total(name, "n");
  const peer = (value: number): Figure["peer"] => ({ name: "by the clock", value });
  return [
    off("failRate", "change fail rate", byTheClock("failRate")),
    off("recovery", "recovery time", byTheClock("recovery")),
    off("rework", "rework rate"),
    off("leadTime", "lead time"),
    figure(`incidents of no deployment blamed on one ${at}`, percent("unrelated", "ours"), "%", {
      ...{ atMost: 0, peer: peer(percent("unrelated", "clock")) },
    }),
    // One in ten has no evidence that says why: those are left open for a person rather than guessed.
    figure(`caused incidents put down to their deployment ${at}`, percent("caused", "ours"), "%", {
      ...{ peer: peer(percent("caused", "clock")) },
    }),
  ];
}
