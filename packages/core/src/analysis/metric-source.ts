import type { Result } from "../shared/result.ts";
import type { UserMetric } from "./metrics.ts";

/** One series of an answer: its labels without the metric's name, and its value now. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A store of counters that answers PromQL, such as Prometheus. Reading changes nothing. */
export interface MetricSource {
  /**
   * The value of each series of the query at a time (milliseconds since 1970). An error is a clause that says what is
   * wrong, for "the metric source has no answer: ...".
   */
  read(query: string, atMs: number): Promise<Result<readonly Sample[], string>>;
  /** Its own clock, milliseconds since 1970: what it takes a time for. */
  now(): Promise<Result<number, string>>;
}

/** An answer with more series is refused: whoever needs them adds them up in the query. */
export const SERIES_MAX = 500;

/** The query of one arm: `{{release}}` and its like are replaced by what they stand for there. */
export function fillQuery(query: string, words: Readonly<Record<string, string>>): string {
  return query.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, word: string) => words[word] ?? whole);
}

/** The queries of a metric, by what their answers are. */
export function queriesOf(
  metric: UserMetric,
): readonly (readonly [part: "events" | "total" | "buckets", query: string])[] {
  const asked: (readonly ["events" | "total" | "buckets", string])[] = [];
  for (const part of ["events", "total", "buckets"] as const) {
    const query = metric[part];
    if (query !== undefined) asked.push([part, query]);
  }
  return asked;
}
