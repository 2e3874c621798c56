import type { FlagValue } from "@latchkey/core/flags/model";

export type { EvaluationContext, FlagValue } from "@latchkey/core/flags/model";

/** The flags of a project and the types of their values; `latchkey flags codegen` writes one. */
export type FlagTypes = object;
/** Where no types were generated: any key, and the type of the fallback. */
export interface AnyFlags {
  readonly [key: string]: FlagValue;
}
export type KeyOf<T extends FlagTypes> = keyof T & string;
type Wide<V> = V extends boolean ? boolean : V extends string ? string : V extends number ? number : V;
/** What a flag's value is: its generated type, or the fallback's where nothing is known of the flag. */
export type ValueOf<T extends FlagTypes, K extends keyof T, V> = FlagValue extends T[K] ? Wide<V> : T[K];

/** A flag as generated code names it, so that one that is gone does not compile. */
export interface FlagRef<V> {
  readonly key: string;
  /** What the code does when nobody can tell. */
  readonly fallback: V;
}

/** OpenFeature's reasons; `ERROR` always comes with the fallback. */
export type FlagReason = "STATIC" | "DEFAULT" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "ERROR" | "STALE";
export type FlagErrorCode = "FLAG_NOT_FOUND" | "TYPE_MISMATCH" | "PROVIDER_NOT_READY" | "PARSE_ERROR" | "GENERAL";
/** A value, and why it is that. */
export interface FlagDetails<V> {
  readonly value: V;
  readonly variant: string | null;
  readonly reason: FlagReason;
  /** The rule that served: `otherwise` where none of the flag's rules did. */
  readonly rule: string | null;
  readonly errorCode: FlagErrorCode | null;
  readonly errorMessage?: string;
}

/**
 * `starting`: nothing is known yet, fallbacks are given. `ready`: as the server has it. `stale`: what was known last, or what
 * came with the program; the server can't be reached.
 */
export type FlagsState = "starting" | "ready" | "stale" | "closed";

/** Whether a value can stand where the fallback does. A fallback of null takes any. */
export function fits(value: FlagValue, fallback: FlagValue): boolean {
  if (fallback === null) return true;
  return typeof value === typeof fallback && value !== null;
}

/** The fallback, and why. */
export const failed = <V>(value: V, errorCode: FlagErrorCode, errorMessage: string): FlagDetails<V> => ({
  ...{ value, variant: null, reason: "ERROR", rule: null, errorCode, errorMessage },
});
/** What is said of a flag whose value has another type than the code expects. */
export const mismatch = <V>(fallback: V, key: string, value: FlagValue): FlagDetails<V> =>
  failed(fallback, "TYPE_MISMATCH", `${key} is a ${typeof value}, and the code expects a ${typeof fallback}.`);

/** Who hears of changes: the flags that may answer otherwise now, and how contact with the server stands. */
export interface FlagsEvents {
  readonly change: (keys: readonly string[]) => void;
  readonly state: (state: FlagsState) => void;
}

/** Listeners by event; one that throws keeps no other from hearing. */
export class Listeners {
  readonly #of: { [E in keyof FlagsEvents]: Set<FlagsEvents[E]> } = { change: new Set(), state: new Set() };

  on<E extends keyof FlagsEvents>(event: E, listener: FlagsEvents[E]): () => void {
    this.#of[event].add(listener);
    return () => void this.#of[event].delete(listener);
  }

  tell<E extends keyof FlagsEvents>(event: E, ...told: Parameters<FlagsEvents[E]>): void {
    for (const listener of [...this.#of[event]] as ((...told: Parameters<FlagsEvents[E]>) => void)[])
      try {
        listener(...told);
      } catch (error) {
        console.error(error);
      }
  }
}
