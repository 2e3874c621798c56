import type { Flag } from "./model.ts";

/** A flag that was read, as a definition has it. */
export interface ReadFlag {
  readonly key: string;
  readonly flag: Omit<Flag, "key" | "isArchived">;
}
/** What could not be carried over, or not as it was: where it stands, why, and what to do. */
export interface ReadProblem {
  /** Null for what concerns the file. */
  readonly flag: string | null;
  readonly path: string;
  readonly message: string;
  /** The flag is left out; else it is carried over, and this is worth knowing. */
  readonly isRefused: boolean;
}
export interface ReadFlags {
  readonly flags: readonly ReadFlag[];
  readonly problems: readonly ReadProblem[];
}

export const FLAG_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const VARIANT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/;
export const PURPOSES = ["release", "experiment", "operational", "permission", "permanent"] as const;

/** A flag that is left out. Thrown within a reader only. */
export class Refused extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Whether a value is an object of JSON. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
