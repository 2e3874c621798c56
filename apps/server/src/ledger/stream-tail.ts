import type { Logger } from "pino";
import type { Transactions } from "../platform/database.ts";
import { allEntriesAfter, readTree } from "./ledger.store.ts";
import { presentEntry } from "./ledger.view.ts";
import { type StreamEntry, StreamRing } from "./stream-ring.ts";
import { ERASURE, type Subjects } from "./subjects.ts";

/** 500 entries of at most 64 KiB are 32 MiB at worst, 0.5 MiB as they are. */
const BATCH = 500;
/** How late another server's entries are where LISTEN does not work (a pooler in between). */
const POLL_MS = 1_000;
/**
 * After handing entries on for `t` ms the next round waits three times that: the stream then never has more than a
 * quarter of this process, and what comes meanwhile goes out in one write per client. An idle stream waits for nothing.
 */
const REST_TIMES = 3;
const REST_MIN_MS = 5;
const REST_MAX_MS = 250;

/** As the stream sends an entry (the `text/event-stream` of the HTML standard). */
export function streamText(sequence: number, json: string): string {
  return `id: ${sequence}\nevent: ledger\ndata: ${json}\n\n`;
}

/** The one reader of the ledger's end: reads each entry once for all clients of this server. */
export class StreamTail {
  readonly ring: StreamRing;
  readonly #database: Transactions;
  readonly #log: Logger;
  readonly #subjects: Subjects;
  readonly #hasReaders: () => boolean;
  readonly #handOn: () => void;
  readonly #poll: NodeJS.Timeout;
  #rest: NodeJS.Timeout | null = null;
  #newest: number | null = null;
  #asked: Promise<number> | null = null;
  #pulling = false;
  #again = false;
  #stopped = false;

  constructor(o: {
    database: Transactions;
    log: Logger;
    /** What sealed parts say: opened once for all clients. */
    subjects: Subjects;
    ring?: StreamRing;
    hasReaders: () => boolean;
    handOn: () => void;
  }) {
    this.#database = o.database;
    this.#log = o.log;
    this.#subjects = o.subjects;
    this.ring = o.ring ?? new StreamRing();
    this.#hasReaders = o.hasReaders;
    this.#handOn = o.handOn;
    this.#poll = setInterval(() => this.wake(), POLL_MS);
  }

  /** The newest entry that was read here. */
  get newest(): number | null {
    return this.#newest;
  }

  /**
   * Where a client begins: after the number that it names, or at the newest. A number that is not there is from before
   * a restore: what is recorded from now on must not wait for it.
   */
  async begin(from: number | null): Promise<number> {
    if (from !== null && this.#newest !== null && from <= this.#newest) return from;
    const newest = await this.#newestNow();
    this.#newest ??= newest;
    if (from === null) return newest;
    // Others' question may be older than the entry that this client has from another server.
    return from <= newest ? from : Math.min(from, (await readTree(this.#database.db)).size - 1);
  }

  /** One question for all who come at the same time, as after a restart of this server. */
  #newestNow(): Promise<number> {
    this.#asked ??= readTree(this.#database.db)
      .then(({ size }) => size - 1)
      .finally(() => {
        this.#asked = null;
      });
    return this.#asked;
  }

  /** Something was committed, here or elsewhere. */
  wake(): void {
    if (this.#stopped || this.#rest) return;
    if (this.#pulling) {
      this.#again = true;
      return;
    }
    void this.#pull();
  }

  async #pull(): Promise<void> {
    if (!this.#hasReaders()) {
      // Nobody watches: the next who comes begins anew.
      this.#newest = null;
      this.ring.clear();
      return;
    }
    this.#pulling = true;
    this.#again = false;
    let spentMs = 0;
    try {
      let rows: number;
      do {
        rows = await this.#read();
        const from = performance.now();
        if (rows > 0) this.#handOn();
        spentMs += performance.now() - from;
      } while (rows === BATCH && !this.#stopped);
    } catch (error) {
      this.#log.warn({ err: error }, "the ledger's end could not be read for the stream; it is tried again");
    }
    this.#pulling = false;
    if (this.#stopped) return;
    if (spentMs === 0 && !this.#again) return;
    const restMs = Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, spentMs * REST_TIMES));
    this.#rest = setTimeout(() => {
      this.#rest = null;
      this.wake();
    }, restMs);
  }

  async #read(): Promise<number> {
    const after = this.#newest ?? (await readTree(this.#database.db)).size - 1;
    const rows = await allEntriesAfter(this.#database.db, after, BATCH);
    const presented = rows.map(presentEntry);
    if (presented.some(({ type }) => type === ERASURE)) {
      // Here or on another server: what was made into text before it says more than it may now.
      this.#subjects.forget();
      this.ring.clear();
    }
    const entries: StreamEntry[] = [];
    for (const entry of presented) {
      const text = streamText(entry.sequence, await this.#subjects.open(JSON.stringify(entry)));
      entries.push({ sequence: entry.sequence, project: entry.project, text });
    }
    this.ring.append(entries);
    this.#newest = rows.at(-1)?.sequence ?? after;
    return rows.length;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#poll);
    if (this.#rest) clearTimeout(this.#rest);
  }
}
