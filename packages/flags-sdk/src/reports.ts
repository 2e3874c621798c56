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
/** So long what is no worse than what was told of a user says nothing new: a user counts once. */
const NO_WORSE_MS = 60_000;
/** What the server takes: for one that it does not take, it would refuse all that are sent with it. */
const KEY_MAX = 256;
const METRIC = /^[a-z0-9][a-z0-9._-]{0,59}$/;
const VALUE_MAX = 1e12;

export interface ReportsOptions extends Pick<OutboxOptions<never>, "later" | "lastMax"> {
  readonly post: (path: string, body: object, isLast: boolean) => Promise<"taken" | "again" | "never">;
  /** Hears each time that somebody is told to have met a variant. */
  readonly onMet?: () => void;
}

/** Who met which variant, and what happened to them, on its way to the server. */
export class Reports {
  /** When each was told. */
  readonly #known = new Map<string, number>();
  /** Who met a share's variant; who did least lately gives way. */
  readonly #met = new Set<string>();
  /** The worst that was told of a user lately, by metric. */
  readonly #worst = new Map<string, { readonly at: number } & Outcome>();
  readonly #onMet: () => void;
  readonly #exposures: Outbox<Exposure>;
  readonly #events: Outbox<Happened>;
  readonly #seen: Outbox<SeenUser>;

  constructor({ post, onMet = () => {}, ...o }: ReportsOptions) {
    this.#onMet = onMet;
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
    this.#worst.clear();
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
    makeRoom(this.#known);
    this.#known.set(id, now);
    this.#met.delete(key);
    makeRoom(this.#met);
    this.#met.add(key);
    this.#onMet();
  }

  happened(metric: string, key: string, outcome: Outcome): void {
    this.#tell(metric, key, outcome, false);
  }

  /**
   * What is noticed of everybody, good or bad, and often: told of those who met a share's variant only, and where it is worse than
   * what was told of them within a minute.
   */
  noticed(metric: string, key: string, outcome: Outcome): void {
    if (!this.#met.has(key)) return;
    const id = `${metric}\n${key}`;
    const at = Date.now();
    const told = this.#worst.get(id);
    if (told && at - told.at < NO_WORSE_MS && !isWorse(outcome, told)) return;
    if (!this.#tell(metric, key, outcome, outcome.isBad !== true)) return;
    this.#worst.delete(id);
    makeRoom(this.#worst);
    this.#worst.set(id, { ...outcome, at });
  }

  #tell(metric: string, key: string, { isBad, value }: Outcome, isSpare: boolean): boolean {
    // NaN is no number at most so large either.
    if (key === "" || key.length > KEY_MAX || !METRIC.test(metric) || !(Math.abs(value ?? 0) <= VALUE_MAX))
      return false;
    const also = { ...(isBad === undefined ? {} : { isBad }), ...(value === undefined ? {} : { value }) };
    return this.#events.add({ metric, key, ...also, at: new Date().toISOString() }, isSpare);
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

const isWorse = (now: Outcome, told: Outcome): boolean =>
  (now.isBad === true && told.isBad !== true) || (now.value ?? 0) > (told.value ?? 0);

/** What is kept by the order of insertion: the oldest gives way. */
function makeRoom(kept: Map<string, unknown> | Set<string>): void {
  if (kept.size < KNOWN_MAX) return;
  for (const oldest of kept.keys()) {
    kept.delete(oldest);
    return;
  }
}
