import { fold as foldWord, type Registers, registerValue } from "../../shared/registers.ts";

/** What GitHub tells of one thing, folded (shared/registers): the end is the same in whatever order deliveries come. */
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
  /** Of words with the same time the higher rank is the later. */
  readonly rank: number;
  readonly fields: Readonly<Record<string, FieldValue>>;
}
export type Folded = Registers<FieldValue>;

/** Takes one fact in. Answers the state itself when it says nothing newer. */
export const fold = (state: Folded, fact: Pick<Fact, "atMs" | "rank" | "fields">): Folded => foldWord(state, fact);

/** A field of a state; null while nobody has told of it. */
export const fieldOf = (state: Folded, name: string): FieldValue => registerValue(state, name);
