import { fillQuery, type MetricSource } from "@latchkey/core/analysis/metric-source";
import { type BurnRates, type BurnReading, judgeBurn, NO_BURN_RATES } from "@latchkey/core/delivery/burning";
import type { ServiceRow } from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";

/** Sources scrape every 15 s or so: to ask more often finds little new. */
const READ_EVERY_MS = 2_000;
/** What is being scraped just now may not be there yet: readings are of a moment ago. */
const BEHIND_MS = 2_000;

export interface BurnSource {
  readonly source: MetricSource | null;
  readonly clock: Clock;
}

/** What knows whether a service burns: the query of its configuration, asked of the server's metric source. */
export function burnRatesOf({ source, clock }: BurnSource, service: Pick<ServiceRow, "config">): BurnRates {
  const rule = rollbackPolicyOf(service).whenBurning;
  if (rule === undefined) return NO_BURN_RATES;
  return {
    burning: async (name, environment, atMs = clock.now() - BEHIND_MS): Promise<BurnReading> => {
      if (source === null) return { kind: "unavailable", words: "this server was started without --prometheus-url." };
      try {
        return judgeBurn(await source.read(fillQuery(rule.query, { service: name, environment }), atMs), rule);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { kind: "unavailable", words: `the metric source could not be asked (${why}).` };
      }
    },
  };
}

interface Reader {
  begunMs: number;
  isUnderWay: boolean;
  newest: BurnReading | null;
}
/** Reads burn rates beside the looks at health: a source that hangs delays none of them. */
export class BurnReader {
  readonly #clock: Clock;
  readonly #readers = new Map<string, Reader>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What came since it was last taken, each reading once; the next one begins where it is due. Never waits. */
  take(key: string, ask: () => Promise<BurnReading>): BurnReading | null {
    const reader = this.#readers.get(key) ?? { begunMs: Number.NEGATIVE_INFINITY, isUnderWay: false, newest: null };
    this.#readers.set(key, reader);
    const { newest } = reader;
    reader.newest = null;
    const nowMs = this.#clock.monotonic();
    if (!reader.isUnderWay && nowMs - reader.begunMs >= READ_EVERY_MS) {
      reader.begunMs = nowMs;
      reader.isUnderWay = true;
      void ask().then((read) => {
        reader.newest = read;
        reader.isUnderWay = false;
      });
    }
    return newest;
  }

  /** Forgets what is watched no more. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#readers.keys()) if (!keys.has(key)) this.#readers.delete(key);
  }
}
