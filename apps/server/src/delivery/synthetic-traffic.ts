import { randomInt } from "node:crypto";
import type { ArmCounts } from "@latchkey/core/analysis/types";
import { addCounts } from "@latchkey/core/analysis/units";
import { NO_COUNTS } from "@latchkey/core/delivery/counters";
import type { SyntheticJourney, SyntheticSource, SyntheticWish, Tallies } from "@latchkey/core/delivery/synthetic";
import { bucketOf } from "@latchkey/core/shared/histogram";
import { withDeadline } from "../platform/deadline.ts";

/**
 * Requests of our own to both releases, where visitors are too few to judge by. Each goes to a release by a fair coin, so
 * that the judge knows their share exactly. They go past the gateways: no visitor's counts have them in.
 */

/** Names who sends it, and asks the workload to mark what it writes; a workload that does so answers with `MARKED`. */
export const SYNTHETIC_HEADER = "x-latchkey-synthetic";
export const MARKED = "marked";
const TIMEOUT_MS = 10_000;
/** A release that hangs must not pile up more than this. */
const AT_ONCE_MAX = 40;
/** The controller asks some times a second: whom it no longer asks for has ended, or is another server's. */
const FORGOTTEN_AFTER_MS = 3_000;
/** How often it is seen whether visitors still send enough. */
const ASK_AGAIN_MS = 1_000;
/** Visitors' requests per second, averaged over about this long. */
const AVERAGE_MS = 30_000;

type Arm = keyof Tallies;
const NOTHING: Tallies = { baseline: NO_COUNTS, canary: NO_COUNTS };

export class SyntheticTraffic implements SyntheticSource {
  readonly #runs = new Map<string, Run>();

  tend(rolloutId: string, wish: SyntheticWish): void {
    const run = this.#runs.get(rolloutId) ?? new Run(rolloutId, () => this.#runs.delete(rolloutId));
    this.#runs.set(rolloutId, run);
    run.tend(wish);
  }

  seen(rolloutId: string, requests: number): void {
    this.#runs.get(rolloutId)?.seen(requests);
  }

  take(rolloutId: string): Tallies | null {
    return this.#runs.get(rolloutId)?.take() ?? null;
  }

  giveBack(rolloutId: string, tallies: Tallies): void {
    this.#runs.get(rolloutId)?.add(tallies);
  }

  /** Ends all of it: nothing more is sent. */
  stop(): void {
    for (const run of this.#runs.values()) run.end();
  }
}

class Run {
  readonly #rolloutId: string;
  readonly #onEnd: () => void;
  #wish: SyntheticWish | null = null;
  #tendedAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #tallies: Tallies = NOTHING;
  #underWay = 0;
  /** Whether a release has answered, to its last read, that it marks what it writes. */
  readonly #marks: Record<Arm, boolean> = { baseline: false, canary: false };
  #seenAt = performance.now();
  #visitorsPerSecond = 0;

  constructor(rolloutId: string, onEnd: () => void) {
    this.#rolloutId = rolloutId;
    this.#onEnd = onEnd;
  }

  tend(wish: SyntheticWish): void {
    this.#wish = wish;
    this.#tendedAt = performance.now();
    if (this.#timer === null) this.#next(0);
  }

  seen(requests: number): void {
    const now = performance.now();
    const tookMs = Math.max(1, now - this.#seenAt);
    this.#seenAt = now;
    const weight = 1 - Math.exp(-tookMs / AVERAGE_MS);
    this.#visitorsPerSecond += weight * ((requests * 1000) / tookMs - this.#visitorsPerSecond);
  }

  take(): Tallies | null {
    const taken = this.#tallies;
    this.#tallies = NOTHING;
    return taken.baseline.requests + taken.canary.requests > 0 ? taken : null;
  }

  add(tallies: Tallies): void {
    this.#tallies = {
      baseline: addCounts(this.#tallies.baseline, tallies.baseline),
      canary: addCounts(this.#tallies.canary, tallies.canary),
    };
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#onEnd();
  }

  #next(afterMs: number): void {
    this.#timer = setTimeout(() => this.#turn(), afterMs);
    this.#timer.unref();
  }

  #turn(): void {
    const wish = this.#wish;
    if (!wish || performance.now() - this.#tendedAt > FORGOTTEN_AFTER_MS) {
      this.end();
      return;
    }
    // Visitors' own requests count first: only what is missing to the wished rate is added, evenly and never in a burst.
    const perSecond = wish.requestsPerSecond - this.#visitorsPerSecond;
    if (perSecond > 0 && this.#underWay < AT_ONCE_MAX) void this.#send(wish);
    this.#next(perSecond > 0 ? 1000 / perSecond : ASK_AGAIN_MS);
  }

  async #send(wish: SyntheticWish): Promise<void> {
    const arm: Arm = randomInt(2) === 0 ? "baseline" : "canary";
    const mayWrite = this.#marks.baseline && this.#marks.canary;
    const open = wish.journeys.filter((journey) => mayWrite || isRead(journey));
    const journey = open[randomInt(Math.max(1, open.length))];
    if (!journey) return;
    this.#underWay += 1;
    const from = performance.now();
    const answer = await walk(journey, wish.addresses[arm], this.#rolloutId);
    this.#underWay -= 1;
    if (isRead(journey) && answer.marks !== null) this.#marks[arm] = answer.marks;
    const counts: ArmCounts = {
      requests: 1,
      errors: answer.ok ? 0 : 1,
      latency: { [bucketOf(performance.now() - from)]: 1 },
      pageViews: 0,
      pageErrors: 0,
    };
    this.add({ ...NOTHING, [arm]: counts });
  }
}

const isRead = ({ method }: SyntheticJourney): boolean => method === "GET" || method === "HEAD";

/** `marks` is null when there was no answer to tell it. */
async function walk(
  journey: SyntheticJourney,
  address: string,
  rolloutId: string,
): Promise<{ readonly ok: boolean; readonly marks: boolean | null }> {
  try {
    const { answer, text } = await withDeadline(TIMEOUT_MS, (signal) => ask(journey, address, rolloutId, signal));
    const ok = answer.status === journey.status && (journey.contains === undefined || text.includes(journey.contains));
    return { ok, marks: answer.headers.get(SYNTHETIC_HEADER) === MARKED };
  } catch {
    return { ok: false, marks: null };
  }
}

async function ask(journey: SyntheticJourney, address: string, rolloutId: string, signal: AbortSignal) {
  const answer = await fetch(address + journey.path, {
    method: journey.method,
    redirect: "manual",
    signal,
    headers: {
      [SYNTHETIC_HEADER]: rolloutId,
      "user-agent": "latchkey-synthetic",
      ...(journey.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(journey.body === undefined ? {} : { body: JSON.stringify(journey.body) }),
  });
  return { answer, text: await answer.text() };
}
