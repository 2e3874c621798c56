/** What notifications need of a ledger entry, and what it means for people. */
export interface Entry {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly project: string;
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string };
  readonly occurredAt: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const OUTCOMES = [
  "progressing",
  "waiting",
  "promoted",
  "succeeded",
  "rolled_back",
  "failed",
  "aborted",
  "other",
] as const;
/** `waiting` waits for a person; `promoted` has all traffic, and `succeeded` has kept it to the end. */
export type Outcome = (typeof OUTCOMES)[number];

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

const ROLLOUT: Readonly<Record<string, Outcome>> = {
  promoted: "promoted",
  completed: "succeeded",
  roll_back_begun: "rolled_back",
  rolled_back: "rolled_back",
  aborted: "aborted",
  superseded: "aborted",
  start_failed: "failed",
  person_asked: "waiting",
};
const DEPLOYMENT: Readonly<Record<string, Outcome>> = {
  succeeded: "succeeded",
  unchanged: "succeeded",
  rolled_back: "rolled_back",
  failed_build: "failed",
  failed_gate: "failed",
  failed_start: "failed",
  aborted: "aborted",
  superseded: "aborted",
};
const APPROVAL: Readonly<Record<string, Outcome>> = {
  requested: "waiting",
  refused: "failed",
  withdrawn: "aborted",
  expired: "aborted",
};

/** What an entry comes to. */
export function outcomeOf({ type, data }: Pick<Entry, "type" | "data">): Outcome {
  const [room, noun, ...rest] = type.split(".");
  const word = rest.join(".");
  if (room === "delivery" && noun === "rollout") return ROLLOUT[word] ?? "progressing";
  if (room === "delivery" && noun === "deployment")
    return word === "ended" ? (DEPLOYMENT[String(data.outcome)] ?? "other") : "progressing";
  // One voice of several is a step only.
  if (noun === "approval" && word === "given") return data.state === "approved" ? "succeeded" : "progressing";
  if (noun === "approval") return APPROVAL[word] ?? "other";
  if (room === "delivery" && noun === "gateway") return word === "lost" ? "failed" : "succeeded";
  if (room === "delivery" && noun === "target") return word === "unreachable" ? "failed" : "succeeded";
  return "other";
}

const SEVERITY: Readonly<Partial<Record<Outcome, Severity>>> = {
  rolled_back: "critical",
  failed: "critical",
  waiting: "warning",
  aborted: "warning",
};
/** How much it matters where a rule does not say. */
export const severityOf = (outcome: Outcome): Severity => SEVERITY[outcome] ?? "info";
export const worse = (a: Severity, b: Severity): Severity => (SEVERITIES.indexOf(a) >= SEVERITIES.indexOf(b) ? a : b);

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
export const serviceOf = (entry: Pick<Entry, "data" | "subject">): string | null =>
  text(entry.data.service) ?? (entry.subject.startsWith("service/") ? entry.subject.slice("service/".length) : null);
export const environmentOf = (entry: Pick<Entry, "data">): string | null => text(entry.data.environment);
export const wordsOf = (entry: Pick<Entry, "data">): string | null =>
  text(entry.data.words) ?? text(entry.data.detail) ?? text(entry.data.reason);

/** What belongs together, in order and in one message: a rollout with the end of its deployment. Null stands alone. */
export function threadOf(entry: Pick<Entry, "type" | "subject" | "data">): string | null {
  if (entry.subject.startsWith("rollout/")) return entry.subject;
  const rollout = text(entry.data.rolloutId);
  if (entry.type === "delivery.deployment.ended" && rollout !== null) return `rollout/${rollout}`;
  if (entry.subject.startsWith("deployment/") || entry.subject.startsWith("approval/")) return entry.subject;
  return null;
}

const LAST = new Set(["completed", "rolled_back", "aborted", "superseded", "start_failed", "ended"]);
/** Whether nothing more follows in its thread. */
export const isLast = (type: string): boolean =>
  /^delivery\.(rollout|deployment)\./.test(type) && LAST.has(type.slice(type.lastIndexOf(".") + 1));
