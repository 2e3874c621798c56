import type { HarmKind } from "./plan.ts";

/** Sentences about a plan, the same in the command line and in the console. */

const points = (x: number): string => String(Number((x * 100).toFixed(2)));

/** "5 points more failures", "all requests fail", "50 % slower", "3 times as slow". */
export function harmWords(kind: HarmKind, size: number): string {
  if (kind === "errors") {
    if (size >= 1) return "all requests fail";
    return `${points(size)} ${size === 0.01 ? "point" : "points"} more failures`;
  }
  return size < 1
    ? `${points(size)} % slower`
    : size === 1
      ? "twice as slow"
      : `${points((size + 1) / 100)} times as slow`;
}

/** "45 s", "12 min", "2.5 h", "3 days": how long people think of such times. */
export function timeWords(ms: number): string {
  if (ms < 90_000) return `${Math.max(1, Math.round(ms / 1_000))} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  const hours = ms / 3_600_000;
  return hours < 48 ? `${Number(hours.toFixed(hours < 10 ? 1 : 0))} h` : `${Math.round(hours / 24)} days`;
}

interface Shown {
  readonly steps: readonly { readonly trafficPercent: number }[];
  readonly maximumMs: number;
  readonly onInconclusive: "hold" | "promote" | "roll_back";
  readonly holdbackPercent: number;
  readonly holdbackMs: number;
}

const AFTER = {
  hold: "a person is asked",
  promote: "it is promoted",
  roll_back: "it is rolled back",
} as const;

/** "10 %, 50 % of the traffic; without a verdict after 30 min a person is asked; 5 % stay on the old release for 10 min." */
export function strategyWords(s: Shown): string {
  const held =
    s.holdbackMs > 0 && s.holdbackPercent > 0
      ? `${s.holdbackPercent} % stay on the old release for ${timeWords(s.holdbackMs)} after promotion`
      : "no holdback";
  const shares = s.steps.map((step) => `${step.trafficPercent} %`).join(", ");
  return `${shares} of the traffic; without a verdict after ${timeWords(s.maximumMs)} ${AFTER[s.onInconclusive]}; ${held}.`;
}

interface HealthyShown {
  readonly runs: number;
  readonly falseRollbacks: number;
  readonly falseRollbackHigh: number;
  readonly falseRollbackBound: number;
  readonly proved: number;
  readonly promotedUnproved: number;
  readonly passMedianMs: number | null;
  readonly passP90Ms: number | null;
}

const share = (n: number, of: number): string => `${points(Math.round((1_000 * n) / of) / 1_000)} %`;

/** What becomes of healthy releases, a sentence each. */
export function healthyWords(h: HealthyShown): string[] {
  const rest = h.runs - h.falseRollbacks - h.proved - h.promotedUnproved;
  const passed =
    h.passMedianMs === null
      ? ""
      : `, half of all within ${timeWords(h.passMedianMs)}${h.passP90Ms === null ? "" : ` and nine of ten within ${timeWords(h.passP90Ms)}`}`;
  return [
    `Rolled back by mistake: ${h.falseRollbacks} of ${h.runs} (with 95 % confidence below ${points(Math.round(h.falseRollbackHigh * 1_000) / 1_000)} %; the judge guarantees at most ${points(h.falseRollbackBound)} %, whatever the traffic).`,
    `Proved safe and promoted: ${share(h.proved, h.runs)}${passed}.`,
    ...(h.promotedUnproved > 0
      ? [`Promoted without a proof, as the policy says: ${share(h.promotedUnproved, h.runs)}.`]
      : []),
    ...(rest > 0 ? [`Without a verdict and not promoted: ${share(Math.max(0, rest), h.runs)}.`] : []),
  ];
}

/** What may still go wrong with the suggested strategy, as a sentence. */
export const residualWords = (r: { errorRatio: number; chance: number; chanceHigh: number }): string =>
  `The risk that is left: a release whose failures rise by ${points(r.errorRatio)} points stays unseen until the end of the holdback with a chance of ${points(Math.round(r.chance * 100) / 100)} % (with 95 % confidence below ${points(Math.round(r.chanceHigh * 100) / 100)} %).`;

interface FoundShown {
  readonly size: number;
  readonly medianMs: number | null;
  readonly p90Ms: number | null;
  readonly visitorRequests: number | null;
  readonly users: number | null;
}

/** The smallest harm of a kind that nine of ten rollouts find, how soon, and whom it reaches until then. */
export const smallestWords = (kind: HarmKind, s: FoundShown | null): string =>
  foundWords(kind === "errors" ? "of failures" : "of slowness", s && harmWords(kind, s.size), s);

/** The same of a metric that the service brings, whose sizes are in shares of its rate. */
export function metricWords(m: { metric: string; direction: string; smallest: FoundShown | null }): string {
  const change = m.direction === "down_is_bad" ? "fewer" : "more";
  return foundWords(`in ${m.metric}`, m.smallest && `${points(m.smallest.size)} % ${change}`, m.smallest);
}

function foundWords(name: string, what: string | null, s: FoundShown | null): string {
  if (!s) return `The smallest harm ${name} found with 90 %: none.`;
  const half = s.medianMs === null ? "" : `: half within ${timeWords(s.medianMs)}`;
  const late = s.p90Ms === null ? "" : `, nine of ten within ${timeWords(s.p90Ms)}`;
  const whom = s.users === null ? "" : ` of about ${s.users} ${s.users === 1 ? "user" : "users"}`;
  const until = s.visitorRequests === null ? "" : `, after ${s.visitorRequests} visitors' requests${whom}`;
  return `The smallest harm ${name} found with 90 %: ${what}${half}${late}${until}.`;
}

interface NeedShown {
  readonly verdict: "FAIL" | "PASS";
  readonly harm: { readonly kind: HarmKind; readonly size: number } | null;
  readonly canaryRequests: number | null;
  readonly atMs: number | null;
}

/** What a verdict takes and when that will have come, beside how long a verdict is waited for. */
export function needWords(need: NeedShown, waitsMs: number): string {
  const what = need.harm ? `FAIL: ${harmWords(need.harm.kind, need.harm.size)}` : "PASS";
  if (need.canaryRequests === null) return `${what}, not within this strategy.`;
  const least = need.verdict === "PASS" ? "at least " : "about ";
  const without = need.verdict === "PASS" ? " without a failure" : "";
  const late = need.atMs !== null && need.atMs > waitsMs ? `, later than the ${timeWords(waitsMs)} that it waits` : "";
  const when = need.atMs === null ? "which never come" : `which have come after ${timeWords(need.atMs)}${late}`;
  return `${what}, ${least}${need.canaryRequests} canary requests${without}, ${when}.`;
}

interface Played {
  readonly clusters: { readonly meanSize: number; readonly routing: string } | null;
  /** Whether there were enough failures to tell. */
  readonly measured: boolean;
  readonly metrics: readonly { readonly metric: { readonly name: string }; readonly rate: number }[];
  readonly notPlayed: readonly { readonly metric: string; readonly why: string }[];
}

/** What is played beside requests, failures and times, and what is not and why: a sentence each. */
export function playedWords(p: Played): string[] {
  const figure = (x: number) => String(Number(x.toPrecision(2)));
  const names = p.metrics.map(({ metric, rate }) => `${metric.name} (${figure(rate)})`).join(", ");
  return [
    p.clusters
      ? `Failures are played in clusters of about ${figure(p.clusters.meanSize)} of one visitor, as they came on the release that serves.`
      : p.measured
        ? "Failures are played one by one, as they came on the release that serves."
        : "Failures are played one by one: the last hour has too few to tell whether they come in clusters.",
    ...(names ? [`Metrics of its own are played as the last rollout measured them: ${names}.`] : []),
    ...p.notPlayed.map(({ metric, why }) => `Not played: ${metric} (${why}).`),
    "Not played: broken pages, memory and restarts (nothing of them is kept by the hour).",
  ];
}
