import type { FlagValue } from "./model.ts";

/** The reasons that OpenFeature knows. */
export type Reason = "STATIC" | "TARGETING_MATCH" | "SPLIT" | "DEFAULT" | "DISABLED" | "ERROR";
export type ErrorCode =
  | "FLAG_NOT_FOUND"
  | "PARSE_ERROR"
  | "TYPE_MISMATCH"
  | "TARGETING_KEY_MISSING"
  | "INVALID_CONTEXT"
  | "GENERAL";

/** What a flag answers to a context. Answers are made once and shared: nobody may change them. */
export type Answer = Served | Failed;
export interface Served {
  readonly value: FlagValue;
  readonly variant: string;
  readonly reason: Exclude<Reason, "ERROR">;
  /** The rule that served it, `otherwise`, or null where none was asked. */
  readonly rule: string | null;
  /** In a rollout: who is compared with whom. Those `outside` keep the old variant and are no part of the comparison. */
  readonly arm: "treatment" | "control" | "outside" | null;
  /** Why it is the flag's `off` though the flag is enabled. */
  readonly because: "prerequisite" | "no_bucketing_attribute" | null;
  readonly metadata: Metadata;
}
export interface Failed {
  readonly value: undefined;
  readonly variant: undefined;
  readonly reason: "ERROR";
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
  readonly metadata: Metadata;
}
export type Metadata = { readonly [name: string]: string | number | boolean };

const NOTHING: Metadata = Object.freeze({});

export const failed = (errorCode: ErrorCode, errorMessage: string, metadata: Metadata = NOTHING): Failed =>
  Object.freeze({ value: undefined, variant: undefined, reason: "ERROR", errorCode, errorMessage, metadata });

export const isFailed = (answer: Answer): answer is Failed => answer.reason === "ERROR";
