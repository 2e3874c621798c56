import type { Freeze, RolloutAction } from "./api/types.ts";

/** Names and sentences for what the API calls by a code. */
export const ACTION_WORDS: Record<
  RolloutAction,
  { verb: string; title: string; words: string; done: string; destructive: boolean }
> = {
  pause: {
    verb: "Pause",
    title: "Pause this rollout?",
    words: "The share stays as it is until somebody resumes it. The judge goes on: harm still rolls it back.",
    done: "Paused",
    destructive: false,
  },
  resume: {
    verb: "Resume",
    title: "Resume this rollout?",
    words: "It goes on from the step where it was paused.",
    done: "Resumed",
    destructive: false,
  },
  promote: {
    verb: "Promote",
    title: "Promote without waiting for proof?",
    words:
      "The new release takes the traffic at once, on your word instead of the judge's. The ledger keeps your name.",
    done: "Promoted",
    destructive: true,
  },
  roll_back: {
    verb: "Roll back",
    title: "Roll back to the current release?",
    words:
      "All traffic returns to the release that served before. The new one gets none as soon as every gateway agrees.",
    done: "Rolling back",
    destructive: true,
  },
  abort: {
    verb: "Abort",
    title: "Abort this rollout?",
    words: "As a roll back, but it counts as given up, not as failed: use it when the release is not at fault.",
    done: "Aborted",
    destructive: true,
  },
};

export const METRIC_WORDS: Record<string, { name: string; short: string; words: string }> = {
  errors: {
    name: "Failed requests",
    short: "Errors",
    words: "Answers of 500 and above, broken connections, time-outs.",
  },
  latency: { name: "Median time to answer", short: "P50", words: "Half of the answers are quicker than this." },
  tail_p95: { name: "Slowest 5 % of answers", short: "P95", words: "One answer in twenty takes longer than this." },
  tail_p99: { name: "Slowest 1 % of answers", short: "P99", words: "One answer in a hundred takes longer than this." },
  page_errors: {
    name: "Pages broken in the browser",
    short: "Page errors",
    words: "Pages that reported a JavaScript error or a failed load.",
  },
};
export const GUARD_NAMES: Record<string, string> = {
  source_down: "Counts arrive",
  clock_skew: "Clocks agree",
  no_traffic: "Traffic on both",
  clustered: "Requests one by one",
  share_mismatch: "Share as set",
  baseline_sick: "Current release well",
  shared_incident: "No shared incident",
  memory: "Memory steady",
  restarts: "No restarts",
  metric_source: "Metric sources answer",
  metric_data: "Metrics have data",
  metric_limit: "Metrics within bounds",
};

export const STRATEGY_WORDS = {
  canary: { name: "Canary", words: "Step by step, judged against the current release." },
  blue_green: { name: "Blue-green", words: "All at once when ready, the old one kept to go back to." },
  all_at_once: { name: "All at once", words: "No comparison, no steps." },
} as const;

/** Faults that can be built in to rehearse: what each does, and what to expect. */
export const FAULTS = [
  { value: "", label: "No rehearsal", words: "Ship the working tree as it is." },
  {
    value: "none",
    label: "Healthy",
    words: "A release with nothing wrong, even when nothing changed: it should pass.",
  },
  { value: "errors=5%", label: "Errors", words: "One request in twenty fails: rolled back within seconds of traffic." },
  { value: "latency=+50%", label: "Slower", words: "Every answer takes half as long again." },
  {
    value: "slow-tail=3%x10",
    label: "Slow tail",
    words: "Three answers in a hundred take ten times as long: the median hides it.",
  },
  { value: "crash-after=200", label: "Crashes", words: "The process dies after every 200 requests and is restarted." },
  { value: "leak", label: "Leak", words: "Memory grows with every request; answers stay good until it runs out." },
  { value: "broken-page", label: "Broken page", words: "The server answers well, but the page fails in the browser." },
] as const;

/** Where a freeze holds: "leads in production", "all services". */
export const placeOf = ({ service, environment }: Pick<Freeze, "service" | "environment">): string =>
  `${service ?? "all services"}${environment === null ? "" : ` in ${environment}`}`;
/** Whether it holds now: pages stay open for longer than an answer is true. */
export const isHolding = ({ beginsAt, endsAt }: Pick<Freeze, "beginsAt" | "endsAt">, now: number): boolean =>
  Date.parse(beginsAt) <= now && now < Date.parse(endsAt);
