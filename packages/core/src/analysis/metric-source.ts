import type { Result } from "../shared/result.ts";
import type { Arm, UserMetric } from "./metrics.ts";

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
}

/** An answer with more series is refused: whoever needs them adds them up in the query. */
export const SERIES_MAX = 500;

/** What the placeholders of a query stand for. */
export interface QueryPlace {
  /** LATCHKEY_RELEASE of the arm's processes, e.g. "leads@12". */
  readonly release: string;
  readonly releaseId: string;
  readonly arm: Arm;
  readonly service: string;
  readonly environment: string;
}
export const QUERY_WORDS: readonly (keyof QueryPlace)[] = ["release", "releaseId", "arm", "service", "environment"];
/** Without one of these both arms would get the same answer. */
const ARM_WORDS: readonly string[] = ["release", "releaseId", "arm"];
const PLACEHOLDER = /\{\{\s*([a-zA-Z_]*)\s*\}\}/g;

/** The query of one arm. */
export function fillQuery(query: string, place: QueryPlace): string {
  return query.replace(PLACEHOLDER, (whole, word: string) =>
    Object.hasOwn(place, word) ? place[word as keyof QueryPlace] : whole,
  );
}

/** What is wrong with a query's placeholders, as a sentence with the fix; null when nothing is. */
export function queryMistake(query: string): string | null {
  const words = [...query.matchAll(PLACEHOLDER)].map(([, word]) => word ?? "");
  const there = QUERY_WORDS.map((word) => `{{${word}}}`).join(", ");
  const unknown = words.find((word) => !(QUERY_WORDS as readonly string[]).includes(word));
  if (unknown !== undefined) return `there is no {{${unknown}}}. There are ${there}.`;
  if (!words.some((word) => ARM_WORDS.includes(word)))
    return 'it asks the same of both releases. Name the one with {{release}}, such as http_requests_total{release="{{release}}"}.';
  return null;
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
