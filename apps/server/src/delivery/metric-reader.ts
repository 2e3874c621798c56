import { clocksOff, isClockOff } from "@latchkey/core/analysis/clock-skew";
import { type Answer, type ArmAnswer, takeAnswer } from "@latchkey/core/analysis/metric-readings";
import { fillQuery, type MetricSource, queriesOf } from "@latchkey/core/analysis/metric-source";
import { ARMS, type Arm, type MetricReading, type UserMetric } from "@latchkey/core/analysis/metrics";
import type { Look } from "@latchkey/core/analysis/types";
import { type GatewayCounts, takeGatewayMetrics } from "@latchkey/core/delivery/gateway-metrics";
import type { Generation } from "@latchkey/core/delivery/generation";
import type { Clock } from "../platform/clock.ts";
import type { Executor } from "../platform/database.ts";
import { findReleases } from "./releases.store.ts";
import type { MetricAnchors, RolloutRow } from "./rollouts.store.ts";

/** Sources scrape every 15 s or so: to ask more often finds nothing new. */
const READ_EVERY_MS = 5_000;
/** What is being scraped just now may be there for one query and not for the next: readings are of a moment ago. */
const BEHIND_MS = 2_000;
/** Queries of one rollout at a time. */
const LANES = 4;

type Read = ReadonlyMap<string, Answer | { readonly down: string }>;
interface Reader {
  begunMs: number;
  isUnderWay: boolean;
  newest: Read | null;
  /** Milliseconds that the source's clock was ahead of ours when it was last asked; null before, or when it does not say. */
  skewMs: number | null;
}

/** Reads the metrics of rollouts from their source beside the looks, so that no look and no other rollout waits for it. */
export class MetricReader {
  readonly #o: { readonly source: MetricSource | null; readonly clock: Clock; readonly db: Executor };
  readonly #readers = new Map<string, Reader>();

  constructor(options: { source: MetricSource | null; clock: Clock; db: Executor }) {
    this.#o = options;
  }

  /**
   * The looks with what is known of the metrics by now, and the anchors that follow: what the gateways count goes with the
   * look at its generation, what a source has answered since it was last asked with the newest. Never waits; the next
   * reading begins where one is due.
   */
  measure(
    row: RolloutRow,
    looks: readonly Look[],
    counted: { readonly counters: readonly GatewayCounts[]; readonly generations: readonly Generation[] },
  ): { readonly looks: readonly Look[]; readonly metricAnchors: MetricAnchors } {
    const metrics = row.policy.metrics ?? [];
    if (metrics.length === 0) return { looks, metricAnchors: row.metric_anchors };
    let metricAnchors = row.metric_anchors;
    const measured = looks.map((look, i): Look => {
      const generation = counted.generations[i];
      const own = generation
        ? takeGatewayMetrics(metrics, counted.counters, generation, row.canary_release_id, metricAnchors)
        : { metrics: {}, anchors: metricAnchors };
      metricAnchors = own.anchors;
      if (i < looks.length - 1) return { ...look, metrics: own.metrics };
      const asked = this.#take(row, metricAnchors);
      metricAnchors = asked.anchors;
      return {
        ...look,
        ...clocksOff(look.clocksOff?.gateways ?? [], this.#readers.get(row.id)?.skewMs ?? null),
        metrics: { ...own.metrics, ...asked.metrics },
      };
    });
    return { looks: measured, metricAnchors };
  }

  #take(
    row: RolloutRow,
    before: MetricAnchors,
  ): { readonly metrics: Record<string, MetricReading>; readonly anchors: MetricAnchors } {
    const asked = (row.policy.metrics ?? []).filter((metric) => metric.source === "prometheus");
    if (asked.length === 0) return { metrics: {}, anchors: before };
    const reader = this.#readers.get(row.id) ?? {
      begunMs: Number.NEGATIVE_INFINITY,
      ...{ isUnderWay: false, newest: null, skewMs: null },
    };
    this.#readers.set(row.id, reader);
    const { newest } = reader;
    reader.newest = null;
    if (!reader.isUnderWay && this.#o.clock.monotonic() - reader.begunMs >= READ_EVERY_MS)
      this.#begin(row, asked, reader);
    const metrics: Record<string, MetricReading> = {};
    const anchors: Record<string, MetricAnchors[string]> = { ...before };
    for (const metric of asked) {
      const read = newest?.get(metric.name);
      if (read === undefined) continue;
      if ("down" in read) {
        metrics[metric.name] = read;
        continue;
      }
      const { anchors: next, ...tallies } = takeAnswer(metric, read, anchors[metric.name] ?? {});
      anchors[metric.name] = next;
      metrics[metric.name] = tallies;
    }
    return { metrics, anchors };
  }

  /** Forgets rollouts that are over. */
  keepOnly(ids: readonly string[]): void {
    for (const id of this.#readers.keys()) if (!ids.includes(id)) this.#readers.delete(id);
  }

  #begin(row: RolloutRow, asked: readonly UserMetric[], reader: Reader): void {
    reader.isUnderWay = true;
    reader.begunMs = this.#o.clock.monotonic();
    void Promise.all([this.#skew(), this.#read(row, asked)])
      .then(([skewMs, read]): Read => {
        reader.skewMs = skewMs;
        // By a clock that is off it answered of another time than it was asked for.
        return skewMs !== null && isClockOff(skewMs) ? new Map() : read;
      })
      .catch((error: unknown): Read => {
        const down = `it could not be asked (${error instanceof Error ? error.message : error})`;
        return new Map(asked.map((metric) => [metric.name, { down }]));
      })
      .then((read) => {
        reader.newest = read;
        reader.isUnderWay = false;
      });
  }

  async #skew(): Promise<number | null> {
    const { source, clock } = this.#o;
    if (source === null) return null;
    const askedMs = clock.now();
    const answer = await source.now();
    // Told somewhere between question and answer.
    return answer.ok ? answer.value - (askedMs + clock.now()) / 2 : null;
  }

  async #read(row: RolloutRow, asked: readonly UserMetric[]): Promise<Read> {
    const { source, clock, db } = this.#o;
    if (source === null) {
      const down = "this server was started without --prometheus-url";
      return new Map(asked.map((metric) => [metric.name, { down }]));
    }
    const ids = { baseline: row.baseline_release_id ?? "", canary: row.canary_release_id };
    const releases = await findReleases(db, [ids.baseline, ids.canary]);
    const wordsOf = (arm: Arm) => ({
      release: `${row.service}@${releases.get(ids[arm])?.number ?? 0}`,
      releaseId: ids[arm],
      arm,
      service: row.service,
      environment: row.environment,
    });
    const atMs = clock.now() - BEHIND_MS;
    const failed = new Map<string, string>();
    const answers = new Map(asked.map((m) => [m.name, { baseline: {}, canary: {} } as Record<Arm, ArmAnswer>]));
    const questions = asked.flatMap((metric) =>
      ARMS.flatMap((arm) => queriesOf(metric).map(([part, query]) => ({ metric, arm, part, query }))),
    );
    const lane = async () => {
      for (let next = questions.shift(); next; next = questions.shift()) {
        const { metric, arm, part, query } = next;
        // One part that has no answer makes the others useless.
        if (failed.has(metric.name)) continue;
        const answer = await source.read(fillQuery(query, wordsOf(arm)), atMs);
        if (!answer.ok) failed.set(metric.name, answer.error);
        else
          (answers.get(metric.name) ?? { [arm]: {} })[arm] = {
            ...answers.get(metric.name)?.[arm],
            [part]: answer.value,
          };
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return new Map(
      [...answers].map(([name, answer]) => {
        const down = failed.get(name);
        return [name, down === undefined ? answer : { down }] as const;
      }),
    );
  }
}
