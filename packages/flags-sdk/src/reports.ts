import type { SeenUser } from "@latchkey/core/flags/seen";
import { Outbox, type OutboxOptions } from "./outbox.ts";

/** Somebody met a variant: what experiments are counted from. */
export interface Exposure {
  readonly flag: string;
  readonly variant: string;
  readonly rule: string | null;
  /** Who: the attribute that decides the bucket. */
  readonly key: string;
  /** RFC 3339. */
  readonly at: string;
}
/** Something happened to somebody: good or bad for a guardrail, or with a value for a goal. */
export interface Happened {
  readonly metric: string;
  readonly key: string;
  readonly isBad?: boolean;
  readonly value?: number;
  readonly at: string;
}
/** What of an event is told: whether it is bad (an error, too slow), and a value (cents, milliseconds). */
export type Outcome = Pick<Happened, "isBad" | "value">;

/** Who was told of lately: the same again says nothing new. */
const KNOWN_MAX = 20_000;
/** After this it is told again: with a growing rollout somebody who gets the same is of another arm by then. */
const AGAIN_MS = 5 * 60_000;
/** What the server takes: for one that it does not take, it would refuse all that are sent with it. */
const KEY_MAX = 256;
const METRIC = /^[a-z0-9][a-z0-9._-]{0,59}$/;
const VALUE_MAX = 1e12;

export interface ReportsOptions extends Pick<OutboxOptions<never>, "later" | "lastMax"> {
  readonly post: (path: string, body: object, isLast: boolean) => Promise<"taken" | "again" | "never">;
}

/** Who met which variant, and what happened to them, on its way to the server. */
export class Reports {
  /** When each was told. */
  readonly #known = new Map<string, number>();
  readonly #exposures: Outbox<Exposure>;
  readonly #events: Outbox<Happened>;
  readonly #seen: Outbox<SeenUser>;

  constructor({ post, ...o }: ReportsOptions) {
    this.#exposures = new Outbox({
      ...o,
      post: (exposures, isLast) => post("/flags/v1/exposures", { exposures }, isLast),
    });
    this.#events = new Outbox({ ...o, post: (events, isLast) => post("/flags/v1/events", { events }, isLast) });
    this.#seen = new Outbox({ ...o, post: (seen, isLast) => post("/flags/v1/seen", { seen }, isLast) });
  }

  get waiting(): number {
    return this.#exposures.waiting + this.#events.waiting;
  }
  get dropped(): number {
    return this.#exposures.dropped + this.#events.dropped;
  }

  /** The flags changed: whoever meets one from now on is told of anew. */
  forget(): void {
    this.#known.clear();
  }

  /** Each variant that somebody meets is told once, and again after some minutes. */
  exposed(flag: string, variant: string, rule: string | null, key: string): void {
    const id = `${flag}\n${variant}\n${key}`;
    const now = Date.now();
    if (now - (this.#known.get(id) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS || key === "" || key.length > KEY_MAX)
      return;
    // Not remembered where there is no room: it is told when there is some again.
    if (!this.#exposures.add({ flag, variant, rule, key, at: new Date(now).toISOString() })) return;
    this.#known.delete(id);
    // A map keeps the order of insertion: the oldest gives way.
    if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value ?? "");
    this.#known.set(id, now);
  }

  happened(metric: string, key: string, { isBad, value }: Outcome): void {
    // NaN is no number at most so large either.
    if (key === "" || key.length > KEY_MAX || !METRIC.test(metric) || !(Math.abs(value ?? 0) <= VALUE_MAX)) return;
    const also = { ...(isBad === undefined ? {} : { isBad }), ...(value === undefined ? {} : { value }) };
    this.#events.add({ metric, key, ...also, at: new Date().toISOString() });
  }

  /** Somebody of the sample of users that a change of a flag is tried on; their identity was left out. */
  seen(user: SeenUser): void {
    this.#seen.add(user);
  }

  /** Exposures first: an event counts for who is known to have met something. */
  async flush(isLast = false): Promise<void> {
    if (isLast) await Promise.all([this.#exposures.flush(true), this.#events.flush(true)]);
    else {
      await this.#exposures.flush();
      await this.#events.flush();
      await this.#seen.flush();
    }
  }
}
