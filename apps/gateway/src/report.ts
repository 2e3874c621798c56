import type { Logger } from "pino";
import type { Control } from "./control.ts";
import { type CounterRow, type Counters, MAX_ROWS } from "./counters.ts";
import type { TableHolder } from "./table.ts";

const EVERY_MS = 1_000;
const HEARTBEAT_MS = 5_000;
/** A new error waits this long, so that a burst of them is one report; well within the promised 100 ms. */
const URGENT_MS = 25;

/**
 * Posts the counters: each second when something changed, every five as a heartbeat with every row, and at
 * once after an error. Counts are cumulative, so a lost report costs nothing but time.
 */
export class Reporter {
  readonly #control: Control;
  readonly #counters: Counters;
  readonly #holder: TableHolder;
  readonly #identity: { gateway: string; boot: string };
  readonly #log: Logger;
  #sequence = 0;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = 0;
  #sentMs = 0;
  #sending = false;
  #stopped = false;
  #failing = false;
  #dirty = false;

  constructor(
    control: Control,
    counters: Counters,
    holder: TableHolder,
    identity: { gateway: string; boot: string },
    log: Logger,
  ) {
    this.#control = control;
    this.#counters = counters;
    this.#holder = holder;
    this.#identity = identity;
    this.#log = log;
  }

  start(): void {
    this.#counters.onChange = (urgent) => this.#changed(urgent);
    this.#plan(EVERY_MS);
  }

  /** A last report with everything in it; the counts of a drained gateway are complete. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#send(this.#counters.rows());
    // Where there are several servers, another one may take it.
    if (this.#failing) await this.#send(this.#counters.rows());
  }

  #changed(urgent: boolean): void {
    this.#dirty = true;
    // While the server does not answer, errors must not turn into a storm of reports.
    if (urgent && !this.#failing) this.#plan(URGENT_MS);
  }

  #plan(inMs: number): void {
    if (this.#stopped) return;
    const due = performance.now() + inMs;
    if (this.#timer !== null) {
      if (this.#dueMs <= due) return;
      clearTimeout(this.#timer);
    }
    this.#dueMs = due;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#tick();
    }, inMs);
  }

  async #tick(): Promise<void> {
    if (this.#sending) return;
    const heartbeat = performance.now() - this.#sentMs >= HEARTBEAT_MS;
    if (this.#dirty || heartbeat) {
      const rows = this.#counters.rows();
      await this.#send(heartbeat ? rows : rows.filter((r) => r.version !== r.reported));
      this.#counters.prune(this.#holder.current);
    }
    this.#plan(EVERY_MS);
  }

  async #send(rows: readonly CounterRow[]): Promise<void> {
    const sent = rows.slice(-MAX_ROWS).map((row) => ({ row, version: row.version, counter: row.snapshot() }));
    this.#sending = true;
    this.#dirty = false;
    this.#sentMs = performance.now();
    try {
      await this.#control.report({
        ...this.#identity,
        sequence: ++this.#sequence,
        at: new Date().toISOString(),
        applied: this.#holder.generation,
        residentBytes: process.memoryUsage.rss(),
        counters: sent.map((s) => s.counter),
      });
      for (const s of sent) s.row.reported = s.version;
      if (this.#failing) this.#log.info("reports are accepted again");
      this.#failing = false;
    } catch (error) {
      this.#dirty = true;
      if (!this.#failing) this.#log.warn({ reason: String(error) }, "report not accepted; counts are kept");
      this.#failing = true;
    } finally {
      this.#sending = false;
    }
  }
}
