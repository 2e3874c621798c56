import type { ArmCounts } from "@latchkey/core/analysis/types";
import { growthOf, NO_COUNTS, type Taken, takenOf } from "@latchkey/core/delivery/counters";
import { mergeHistograms, quantileMs } from "@latchkey/core/shared/histogram";
import type { Logger } from "pino";
import type { Database } from "../platform/database.ts";
import { countersSeenSince } from "./gateways.store.ts";

/** What went through the gateways lately, by environment: for people, no decision is made on it. */
export const SAMPLE_MS = 5_000;
/** 15 minutes. */
const SAMPLES_MAX = 180;
/** The figures "of now" are of the last minute. */
const RECENT = 60_000 / SAMPLE_MS;
/** Counters older than this at the first sample were counted before this server's life. */
const LOOK_BACK_SECONDS = 30;
/** A deployment leaves about ten counters behind: marks of the last 500. */
const KEYS_MAX = 5_000;

interface Sample {
  readonly atMs: number;
  readonly counts: ArmCounts;
}
export interface TrafficFigures {
  readonly requestsPerSecond: number;
  readonly errorRatio: number | null;
  readonly p95Ms: number | null;
}

type TrafficView = TrafficFigures & { recent: (TrafficFigures & { at: string })[] };

export class TrafficController {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #onSample: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #samples = new Map<string, Sample[]>();
  /** Computed once per sample, however many ask: 180 quantiles each time would be half the cost of a read. */
  readonly #views = new Map<string, TrafficView>();
  #taken: Taken = {};
  #first = true;
  #busy = false;

  constructor(o: { database: Database; log: Logger; onSample: () => void }) {
    this.#database = o.database;
    this.#log = o.log;
    this.#onSample = o.onSample;
    this.#timer = setInterval(() => void this.#round(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Figures of the last minute, and the samples of the last quarter of an hour, oldest first. */
  of(service: string, environment: string): TrafficView {
    const place = `${service}/${environment}`;
    const known = this.#views.get(place);
    if (known) return known;
    const samples = this.#samples.get(place) ?? [];
    const recent = samples.map((s) => ({ at: new Date(s.atMs).toISOString(), ...figuresOf([s]) }));
    const view = { ...figuresOf(samples.slice(-RECENT)), recent };
    this.#views.set(place, view);
    return view;
  }

  async #round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.sample(Date.now());
      this.#onSample();
    } catch (error) {
      this.#log.warn({ err: error }, "the traffic could not be sampled this round");
    } finally {
      this.#busy = false;
    }
  }

  /** Takes one sample in: what each counter has grown by since the last. */
  async sample(atMs: number): Promise<void> {
    const counters = await countersSeenSince(this.#database.db, LOOK_BACK_SECONDS);
    const now = new Map<string, ArmCounts>([...this.#samples.keys()].map((key) => [key, NO_COUNTS]));
    const taken: Record<string, Taken[string]> = {};
    for (const counter of counters) {
      taken[counter.key] = takenOf(counter);
      const place = `${counter.service}/${counter.environment}`;
      const sum = now.get(place) ?? NO_COUNTS;
      now.set(place, sum);
      // What was there at the first sample may be hours old: it only sets the mark.
      if (this.#first || counter.routeClass === "asset") continue;
      const grown = growthOf(counter, this.#taken[counter.key]);
      now.set(place, {
        requests: sum.requests + grown.requests,
        errors: sum.errors + grown.errors,
        latency: mergeHistograms(sum.latency, grown.latency),
        pageViews: sum.pageViews + grown.pageViews,
        pageErrors: sum.pageErrors + grown.pageErrors,
      });
    }
    // A counter that rested for longer than the look back keeps its mark: it may go on.
    const all = Object.entries({ ...this.#taken, ...taken });
    this.#taken = Object.fromEntries(all.slice(-KEYS_MAX));
    this.#first = false;
    this.#views.clear();
    for (const [place, counts] of now)
      this.#samples.set(place, [...(this.#samples.get(place) ?? []), { atMs, counts }].slice(-SAMPLES_MAX));
  }
}

function figuresOf(samples: readonly Sample[]): TrafficFigures {
  const requests = samples.reduce((n, s) => n + s.counts.requests, 0);
  const errors = samples.reduce((n, s) => n + s.counts.errors, 0);
  const latency = samples.reduce((h, s) => mergeHistograms(h, s.counts.latency), {});
  const seconds = (samples.length * SAMPLE_MS) / 1000;
  return {
    requestsPerSecond: seconds > 0 ? requests / seconds : 0,
    errorRatio: requests > 0 ? errors / requests : null,
    p95Ms: quantileMs(latency, 0.95),
  };
}
