import type { ArmCounts } from "../analysis/types.ts";

/** One declared request that Latchkey itself may send to both releases. What is no read is sent only where writes are marked. */
export interface SyntheticJourney {
  readonly path: string;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly status: number;
  readonly contains?: string | undefined;
  readonly body?: unknown;
}

/** What is to be sent: so many requests a second in all, visitors' own counted in, half of them to each release. */
export interface SyntheticWish {
  readonly requestsPerSecond: number;
  readonly journeys: readonly SyntheticJourney[];
  readonly addresses: { readonly baseline: string; readonly canary: string };
}

export interface Tallies {
  readonly baseline: ArmCounts;
  readonly canary: ArmCounts;
}

/** Whoever sends them. It stops by itself when it is no longer tended. */
export interface SyntheticSource {
  /** Goes on sending for a rollout. Asked several times a second while it is wanted. */
  tend(rolloutId: string, wish: SyntheticWish): void;
  /** Visitors' requests since this was said last. */
  seen(rolloutId: string, requests: number): void;
  /** Counts since the last take; null when there are none. */
  take(rolloutId: string): Tallies | null;
  /** A look that had them in came too late: they are for the next one. */
  giveBack(rolloutId: string, tallies: Tallies): void;
}

/** By a fair coin for each request. */
export const SYNTHETIC_SHARE = 0.5;
