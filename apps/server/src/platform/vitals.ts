import { statfsSync } from "node:fs";
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Database } from "./database.ts";
import type { RateLimits } from "./rate-limits.ts";

/** What this process is like: its loop, memory, connections and disk, looked at every few seconds for 15 minutes back. */
export const SAMPLE_EVERY_S = 10;
/** 15 minutes: an incident from its beginning to the call for help. 90 samples of twelve numbers are 10 KiB. */
export const SAMPLES_MAX = 90;
/** What a figure is judged by: a minute, so that one slow moment is seen, and forgotten again. */
const MINUTE_SAMPLES = 60 / SAMPLE_EVERY_S;
/** The monitor measures how far apart its ticks are: what is over this is delay. */
const RESOLUTION_MS = 10;

export interface Sample {
  readonly loopP50Ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** Part of the time in which this process's loop had something to do. */
  readonly loopUtilisation: number;
  readonly residentBytes: number;
  /** Of the memory that V8 may have. */
  readonly heapPart: number;
  readonly connectionsInUse: number;
  readonly connectionsWaiting: number;
  /** How long a connection of the pool was waited for, on average. */
  readonly connectionWaitMs: number;
  readonly unserved: number;
  readonly limited: number;
  readonly streamClients: number;
  readonly outboxLength: number;
  readonly outboxOldestS: number;
  readonly diskPart: number;
}

export interface VitalsSources {
  readonly database: Database;
  readonly limits: RateLimits;
  /** The data folder: whose disk. */
  readonly dir: string;
  readonly streamClients: () => number;
  readonly outbox: () => Promise<{ length: number; oldestS: number }>;
}

export class Vitals {
  readonly #o: VitalsSources;
  readonly #loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  readonly #samples: Sample[] = [];
  #utilisation: EventLoopUtilization = performance.eventLoopUtilization();
  #waits = { sumS: 0, count: 0, refused: 0 };
  #limited = 0;
  #outbox = { length: 0, oldestS: 0 };

  constructor(o: VitalsSources) {
    this.#o = o;
    this.#loop.enable();
    this.#timer = setInterval(() => void this.look(), SAMPLE_EVERY_S * 1_000);
    this.#timer.unref();
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** The worst of the last minute. */
  worst(name: keyof Sample): number {
    return Math.max(0, ...this.#samples.slice(-MINUTE_SAMPLES).map((sample) => sample[name]));
  }
  /** All of the last 15 minutes together. */
  sum(name: keyof Sample): number {
    return this.#samples.reduce((n, sample) => n + sample[name], 0);
  }

  /** Takes a sample now. A database that does not answer leaves what was known of it. */
  async look(): Promise<void> {
    this.#outbox = await this.#o.outbox().catch(() => this.#outbox);
    this.#samples.push(this.#sample());
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  #sample(): Sample {
    const { pool, waits } = this.#o.database;
    const utilisation = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(utilisation, this.#utilisation);
    const waited = waits.count - this.#waits.count;
    const heap = getHeapStatistics();
    const limited = Object.values(this.#o.limits.limited).reduce((n, one) => n + one, 0);
    const sample: Sample = {
      loopP50Ms: delayMs(this.#loop.percentile(50)),
      loopP99Ms: delayMs(this.#loop.percentile(99)),
      loopMaxMs: delayMs(this.#loop.max),
      loopUtilisation: since.utilization,
      residentBytes: process.memoryUsage.rss(),
      heapPart: heap.used_heap_size / heap.heap_size_limit,
      connectionsInUse: pool.totalCount - pool.idleCount,
      connectionsWaiting: pool.waitingCount,
      connectionWaitMs: waited === 0 ? 0 : ((waits.sumS - this.#waits.sumS) * 1_000) / waited,
      unserved: waits.refused - this.#waits.refused,
      limited: limited - this.#limited,
      streamClients: this.#o.streamClients(),
      outboxLength: this.#outbox.length,
      outboxOldestS: this.#outbox.oldestS,
      diskPart: diskOf(this.#o.dir).part,
    };
    this.#loop.reset();
    this.#utilisation = utilisation;
    this.#waits = { sumS: waits.sumS, count: waits.count, refused: waits.refused };
    this.#limited = limited;
    return sample;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#loop.disable();
  }
}

/** Nanoseconds between two ticks; an empty histogram answers no number. */
const delayMs = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e6 - RESOLUTION_MS) : 0);

/** The disk that a folder is on. What the system keeps for root is not free. */
export function diskOf(dir: string): { freeBytes: number; totalBytes: number; part: number } {
  const { bavail, blocks, bsize } = statfsSync(dir);
  const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize];
  return { freeBytes, totalBytes, part: totalBytes === 0 ? 0 : 1 - freeBytes / totalBytes };
}
