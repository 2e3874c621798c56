import { type MetricSource, type Sample, SERIES_MAX } from "../analysis/metric-source.ts";
import { err, ok } from "../shared/result.ts";

interface Point {
  readonly atMs: number;
  readonly value: number;
}
interface Series extends Pick<Sample, "labels"> {
  readonly name: string;
  readonly points: Point[];
}

/** `name{label="value", ...}`: of PromQL, only selectors by equality. Null for anything else. */
function selector(text: string): Pick<Series, "name" | "labels"> | null {
  const [, name, inner = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?$/s.exec(text.trim()) ?? [];
  if (name === undefined) return null;
  const labels: Record<string, string> = {};
  const rest = inner.replace(/\s*(\w+)\s*=\s*"([^"]*)"\s*(?:,|$)/g, (_, label: string, value: string) => {
    labels[label] = value;
    return "";
  });
  return rest === "" ? { name, labels } : null;
}

/** Counters in memory that answer simple selectors. */
export class MemoryMetricSource implements MetricSource {
  readonly #series = new Map<string, Series>();
  readonly #nowMs: (() => number) | null;
  #newestMs = 0;

  /** Without a clock it knows the time only by what is put into it. */
  constructor(nowMs: (() => number) | null = null) {
    this.#nowMs = nowMs;
  }

  async now(): ReturnType<MetricSource["now"]> {
    return ok(this.#nowMs?.() ?? this.#newestMs);
  }

  set(series: string, value: number, atMs: number): void {
    const named = selector(series);
    if (named === null) throw new Error(`${series} is no series`);
    const key = JSON.stringify([named.name, Object.entries(named.labels).sort()]);
    const known = this.#series.get(key) ?? { ...named, points: [] };
    known.points.push({ atMs, value });
    this.#newestMs = Math.max(this.#newestMs, atMs);
    this.#series.set(key, known);
  }

  async read(query: string, atMs: number): ReturnType<MetricSource["read"]> {
    const wanted = selector(query);
    if (wanted === null) return err(`it does not take the query: ${query} is no selector`);
    const found: Sample[] = [];
    for (const { name, labels, points } of this.#series.values()) {
      const point = points.findLast((p) => p.atMs <= atMs);
      const fits = Object.entries(wanted.labels).every(([label, value]) => labels[label] === value);
      if (name === wanted.name && fits && point) found.push({ labels, value: point.value });
    }
    if (found.length > SERIES_MAX)
      return err(`the query answers ${found.length} series, more than ${SERIES_MAX}: add them up with sum(...)`);
    return ok(found);
  }
}
