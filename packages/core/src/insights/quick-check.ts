import { KEYS, type KeyName } from "./definitions.ts";
import type { FiveKeys } from "./keys.ts";

/**
 * Where the keys stand beside others. First DORA's own Quick Check of 2025 (dora.dev, edition 2025), which has no levels: a score of 0
 * to 10 for each key, 10 being best, beside the mean and the standard deviation of those who answered the survey. The others say what
 * they believe, these figures are measured: a comparison with care.
 */
export const INDUSTRIES = ["all", "financial_services"] as const;
export type Industry = (typeof INDUSTRIES)[number];

interface Benchmark {
  readonly mean: number;
  /** Null where it is not known to us. */
  readonly sd: number | null;
}

/**
 * As published for the edition of 2025, with shares turned so that 10 is best (the survey's 1.9 for the change fail rate is 19 %). The
 * file by the size of organisations is not used: its recovery is not turned where the others are.
 */
export const BENCHMARKS_2025: Readonly<Record<Industry, Readonly<Record<KeyName, Benchmark>>>> = {
  all: {
    leadTime: { mean: 5.5, sd: 2.4 },
    frequency: { mean: 4.8, sd: 2.8 },
    recovery: { mean: 7.4, sd: 2.1 },
    failRate: { mean: 8.1, sd: 2.1 },
    rework: { mean: 7.8, sd: 2.2 },
  },
  financial_services: {
    leadTime: { mean: 5.4, sd: null },
    frequency: { mean: 5.1, sd: null },
    recovery: { mean: 7.7, sd: null },
    failRate: { mean: 8.3, sd: null },
    rework: { mean: 8.1, sd: null },
  },
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const MONTH_MS = 30 * DAY_MS;

/**
 * The survey's six answers, the worst being 1. Their wording is DORA's ("less than one hour", "between one hour and one day", and so on to
 * "more than six months"); which measured value is which answer is ours: a month is 30 days, and a value on a border takes the worse answer.
 */
const DURATION_ANSWERS: readonly (readonly [belowMs: number, answer: number])[] = [
  [HOUR_MS, 6],
  [DAY_MS, 5],
  [WEEK_MS, 4],
  [MONTH_MS, 3],
  [6 * MONTH_MS, 2],
];

/**
 * Likewise for how often. "On demand (multiple deploys per day)" and "between once per hour and once per day" overlap in the survey; we take
 * two a day or more for the first, which is its own wording.
 */
const FREQUENCY_ANSWERS: readonly (readonly [atLeastPerDay: number, answer: number])[] = [
  [2, 6],
  [1, 5],
  [1 / 7, 4],
  [1 / 30, 3],
  [1 / 180, 2],
];

const durationAnswer = (ms: number): number => DURATION_ANSWERS.find(([below]) => ms < below)?.[1] ?? 1;
const frequencyAnswer = (perDay: number): number => FREQUENCY_ANSWERS.find(([least]) => perDay >= least)?.[1] ?? 1;
/** Answers of 1 to 6 to 0 to 10. */
const answerScore = (answer: number): number => (answer - 1) * 2;

export interface Score {
  /** 0 to 10, 10 being best; null without data. */
  readonly score: number | null;
  readonly mean: number;
  readonly sd: number | null;
  /** By how many standard deviations the score is above the mean; null where either isn't known. */
  readonly sdsAbove: number | null;
  readonly words: string;
}

/** The score of each key, and of all that have one their mean. */
export function quickCheck(
  keys: FiveKeys,
  industry: Industry,
): { readonly edition: 2025; readonly scores: Readonly<Record<KeyName, Score>>; readonly average: number | null } {
  const scores = Object.fromEntries(
    KEYS.map((name) => [name, scoreOf(keys[name], name, BENCHMARKS_2025[industry][name])]),
  ) as Record<KeyName, Score>;
  const known = KEYS.map((name) => scores[name].score).filter((score) => score !== null);
  const average = known.length > 0 ? known.reduce((sum, score) => sum + score, 0) / known.length : null;
  return { edition: 2025, scores, average };
}

function scoreOf({ value, unit }: FiveKeys[KeyName], name: KeyName, { mean, sd }: Benchmark): Score {
  if (value === null) return { score: null, mean, sd, sdsAbove: null, words: "No data to score." };
  const score =
    unit === "share"
      ? 10 - 10 * value
      : answerScore(name === "frequency" ? frequencyAnswer(value) : durationAnswer(value));
  const sdsAbove = sd === null ? null : (score - mean) / sd;
  const shown = Math.round(score * 10) / 10;
  const beside =
    sdsAbove === null
      ? score === mean
        ? "the mean"
        : `${score > mean ? "above" : "below"} the mean; how far others lie apart is not known to us`
      : Math.abs(sdsAbove) <= 1
        ? "within one standard deviation of the mean"
        : `${sdsAbove > 0 ? "better" : "worse"} than the mean by more than one standard deviation`;
  return { score, mean, sd, sdsAbove, words: `${shown} of 10 beside a mean of ${mean}: ${beside}.` };
}

export const LEVELS = ["elite", "high", "medium", "low"] as const;
export type Level = (typeof LEVELS)[number];
/** Levels emerge anew in each year's survey and can't be compared between years: this is the last year with four that rise in every key. */
export const LEVELS_YEAR = 2023;

const LEVEL_BELOW: Readonly<Record<"leadTime" | "failRate" | "recovery", readonly [number, number, number]>> = {
  leadTime: [DAY_MS, WEEK_MS, MONTH_MS],
  failRate: [0.05, 0.1, 0.15],
  recovery: [HOUR_MS, DAY_MS, WEEK_MS],
};
const LEVEL_AT_LEAST_PER_DAY = [1, 1 / 7, 1 / 30];

/** The level of each key as the State of DevOps Report of 2023 had them; null without data, and for rework, which it didn't have. */
export function levels2023(keys: FiveKeys): Readonly<Record<KeyName, Level | null>> {
  const at = (place: number): Level => LEVELS[place === -1 ? 3 : place] ?? "low";
  const below = (name: keyof typeof LEVEL_BELOW): Level | null => {
    const { value } = keys[name];
    return value === null ? null : at(LEVEL_BELOW[name].findIndex((limit) => value < limit));
  };
  const often = keys.frequency.value;
  return {
    frequency: often === null ? null : at(LEVEL_AT_LEAST_PER_DAY.findIndex((least) => often >= least)),
    leadTime: below("leadTime"),
    failRate: below("failRate"),
    recovery: below("recovery"),
    rework: null,
  };
}
