import type { MetricReport } from "./types.ts";

/** What an effect of a built-in metric is of, as a sentence begins. */
const SUBJECTS: Readonly<Record<string, string>> = {
  errors: "The canary fails",
  latency: "The canary takes",
  page_errors: "The canary's pages break",
};

/** How bounds are told: a bound without its sign, what it is in, and what comes behind either sign. */
interface Manner {
  readonly show: (x: number) => string;
  readonly unit: string;
  readonly more: string;
  readonly less: string;
}

const number = (x: number, digits: number): string => String(Number(Math.abs(x).toFixed(digits)));
const points = (x: number): string => number(x * 100, Math.abs(x) < 0.01 ? 2 : 1);
const percents = (x: number): string => number(x * 100, 0);
const RATIO: Manner = { show: points, unit: "percentage points", more: "more often", less: "less often" };
const TIME: Manner = { show: percents, unit: "%", more: "longer", less: "less time" };

/** What is told of a metric; the API's own figures serve as well. */
type Told = Pick<MetricReport, "metric" | "unit" | "effect"> & {
  readonly [field in "severity" | "events" | "per"]?: MetricReport[field] | undefined;
};

/** How sure bounds are, for whoever tells several under one heading. */
export const HOW_SURE = "with 95 % confidence at every look";

/**
 * An effect and its 95 % confidence sequence in one plain sentence, such as "The canary fails 0.9 to 3.1 percentage points
 * more often, with 95 % confidence at every look." None where the metric has no effect to tell.
 */
export const effectWords = (m: Told): string[] =>
  effectClauses(m).map((clause) =>
    m.severity === undefined
      ? `${clause}, ${HOW_SURE}.`
      : `${m.metric}: ${clause[0]?.toLowerCase()}${clause.slice(1)}, ${HOW_SURE}.`,
  );

/** The same where the metric's name and how sure it is stand beside it. Effects that include 0 are told from both sides. */
export function effectClauses(m: Told): string[] {
  const { effect, unit, severity } = m;
  if (!effect) return [];
  if (severity === undefined) {
    const subject = SUBJECTS[m.metric];
    return subject ? rangeWords(effect, unit === "ratio" ? RATIO : TIME).map((words) => `${subject} ${words}`) : [];
  }
  if (unit === "ms" || unit === "number") return pairWords(effect);
  if (unit === "ratio") {
    const events = m.events ? ` ${m.events}` : "";
    const manner = { ...RATIO, more: "more", less: m.events ? "fewer" : "less" };
    return rangeWords(effect, manner).map((words) => `The canary has ${words}${events}`);
  }
  const { manner, behind } = rateOf(m, effect);
  return rangeWords(effect, manner).map((words) => `The canary has ${words}${behind}`);
}

type Effect = NonNullable<MetricReport["effect"]>;

function rangeWords({ low, high }: Effect, { show, unit, more, less }: Manner): string[] {
  const range = (a: number, b: number) => (show(a) === show(b) ? show(a) : `${show(a)} to ${show(b)}`);
  if (low !== null && low > 0)
    return [high === null ? `at least ${show(low)} ${unit} ${more}` : `${range(low, high)} ${unit} ${more}`];
  if (high !== null && high < 0)
    return [low === null ? `at least ${show(high)} ${unit} ${less}` : `${range(high, low)} ${unit} ${less}`];
  if (low !== null && high !== null && (show(low) === "0" || show(high) === "0"))
    return [show(low) === "0" ? `0 to ${show(high)} ${unit} ${more}` : `0 to ${show(low)} ${unit} ${less}`];
  if (low !== null && high !== null) return [`between ${show(low)} ${unit} ${less} and ${show(high)} ${unit} ${more}`];
  if (high !== null) return [`at most ${show(high)} ${unit} ${more}`];
  if (low !== null) return [`at most ${show(low)} ${unit} ${less}`];
  return [];
}

/** Rates are told of one unit, or of as many hundreds as make the larger bound an event: "3.1 leads fewer per 100 visitors". */
const UNITS_MAX = 1_000_000;

function rateOf(m: Told, { low, high }: Effect): { readonly manner: Manner; readonly behind: string } {
  const largest = Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0));
  let units = largest >= 1 ? 1 : 100;
  while (units < UNITS_MAX && largest * units < 1) units *= 10;
  const of = m.per ?? "units of the total";
  const many = String(units).replace(/\B(?=(\d{3})+$)/g, ",");
  const show = (x: number) => {
    const shown = Math.abs(x) * units;
    return number(shown, shown < 10 ? 1 : 0);
  };
  return {
    manner: { show, unit: m.events ?? "events", more: "more", less: "fewer" },
    behind: ` per ${units === 1 ? of.replace(/^units/, "unit").replace(/s$/, "") : `${many} ${of}`}`,
  };
}

/** Of a histogram: how often a value of the canary is the larger one of a pair, where half of the time is no difference. */
function pairWords({ low, high }: Effect): string[] {
  const share = (x: number) => percents(0.5 + x);
  const whose = "Of two values, one of each release, the canary's is the larger one";
  if (low !== null && high !== null) return [`${whose} ${share(low)} to ${share(high)} % of the time`];
  if (low !== null) return [`${whose} at least ${share(low)} % of the time`];
  if (high !== null) return [`${whose} at most ${share(high)} % of the time`];
  return [];
}
