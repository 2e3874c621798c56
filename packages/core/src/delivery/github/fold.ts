import { canonicalJson } from "../../shared/canonical-json.ts";

/**
 * What GitHub tells of one thing, folded. GitHub promises neither order nor a single delivery, so each field is a register
 * in which the newest word by the source's own time wins (a last-writer-wins register): the end is the same in whatever
 * order, however often and however late the words come.
 */
export const KINDS = [
  "branch",
  "pull_request",
  "review",
  "workflow_run",
  "workflow_job",
  "check_run",
  "deployment",
  "deployment_status",
  "release",
  "code_scanning_alert",
  "dependabot_alert",
  "secret_scanning_alert",
] as const;
export type Kind = (typeof KINDS)[number];
export type FieldValue = string | number | boolean | null;

/** What one delivery, or one answer of the API, says of one thing. */
export interface Fact {
  readonly kind: Kind;
  /** Within its repository and kind: a number, an id or a name. */
  readonly key: string;
  /** The source's time, in milliseconds since 1970. */
  readonly atMs: number;
  /** Of words with the same time the higher rank is the later: a run that has ended did not begin after it. */
  readonly rank: number;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** The value of a field, with the version that it came with. */
export interface Register {
  readonly value: FieldValue;
  readonly atMs: number;
  readonly rank: number;
}
export type Folded = Readonly<Record<string, Register>>;

/** Whether `a` is the later word: by time, by rank, and where both are equal by the value itself, so that it is always the same one. */
function isLater(a: Register, b: Register): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs;
  if (a.rank !== b.rank) return a.rank > b.rank;
  return canonicalJson(a.value) > canonicalJson(b.value);
}

/** Takes one fact in. Answers the state itself when it says nothing newer. */
export function fold(state: Folded, fact: Pick<Fact, "atMs" | "rank" | "fields">): Folded {
  let next: Record<string, Register> | null = null;
  for (const [name, value] of Object.entries(fact.fields)) {
    const register: Register = { value, atMs: fact.atMs, rank: fact.rank };
    const known = Object.hasOwn(state, name) ? state[name] : undefined;
    if (known && !isLater(register, known)) continue;
    next ??= { ...state };
    next[name] = register;
  }
  return next ?? state;
}

/** A field of a state; null while nobody has told of it. */
export const fieldOf = (state: Folded, name: string): FieldValue =>
  Object.hasOwn(state, name) ? (state[name]?.value ?? null) : null;
