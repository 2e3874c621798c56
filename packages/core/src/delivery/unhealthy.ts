import type { Health } from "./health-shape.ts";

/** How long a release that serves has been unhealthy, by looks at its health endpoint. */
export interface Ailing {
  /** Unhealthy time, ms, since it was last well for long enough. */
  readonly unhealthyMs: number;
  /** Healthy (or degraded) time, ms, since the last unhealthy look. */
  readonly wellMs: number;
  readonly looks: number;
  readonly unhealthyLooks: number;
  /** When it was last looked at, by a clock that nobody sets; null before the first look. */
  readonly lastMs: number | null;
  readonly wasUnhealthy: boolean;
  /** What the last unhealthy look saw. */
  readonly words: string;
}
export const WELL: Ailing = {
  unhealthyMs: 0,
  wellMs: 0,
  looks: 0,
  unhealthyLooks: 0,
  lastMs: null,
  wasUnhealthy: false,
  words: "",
};

/** Nothing is known of more than this before a look, ms: a server that stood still has not seen the release ail meanwhile. */
export const UNSEEN_MS_MAX = 5_000;
/** Well for this part of the allowed time, it begins anew; a shorter pause only does not count. */
const FORGIVEN_PART = 1 / 4;

/**
 * Takes one look in. A time counts as unhealthy when both looks at its ends were. A release that flaps is not well: what it was
 * unhealthy adds up until it was well for a quarter of `allowedMs`. Degraded is told elsewhere, and counts as well.
 */
export function lookAt(before: Ailing, health: Health, atMs: number, allowedMs: number): Ailing {
  const isUnhealthy = health.state === "unhealthy";
  const passedMs = before.lastMs === null ? 0 : Math.min(UNSEEN_MS_MAX, Math.max(0, atMs - before.lastMs));
  const wellMs = isUnhealthy ? 0 : before.wellMs + (before.wasUnhealthy ? 0 : passedMs);
  if (!isUnhealthy && wellMs >= allowedMs * FORGIVEN_PART)
    return { ...WELL, wellMs, lastMs: Math.max(atMs, before.lastMs ?? atMs) };
  return {
    unhealthyMs: before.unhealthyMs + (isUnhealthy && before.wasUnhealthy ? passedMs : 0),
    wellMs,
    looks: before.looks + 1,
    unhealthyLooks: before.unhealthyLooks + (isUnhealthy ? 1 : 0),
    lastMs: Math.max(atMs, before.lastMs ?? atMs),
    wasUnhealthy: isUnhealthy,
    words: isUnhealthy ? health.words : before.words,
  };
}

/** Whether to go back now: unhealthy for longer than is allowed, and unhealthy at the last look too. */
export const isToGoBack = (ailing: Ailing, allowedMs: number): boolean =>
  ailing.wasUnhealthy && ailing.unhealthyMs >= allowedMs;
