import { afterAll, beforeAll, expect, it } from "vitest";
import { type MetricSource, SERIES_MAX } from "../analysis/metric-source.ts";

/** A source with a way to put counters into it. */
export interface SourceScene {
  readonly source: MetricSource;
  /** e.g. `requests_total{release="shop@1"}`; from now on it has this value. */
  set(series: string, value: number): void;
  /** Resolves when the source answers what was set; with the time that it was so, milliseconds since 1970. */
  settled(): Promise<number>;
  close(): Promise<void>;
}

/** What every source of metrics does. Call it in a `describe` of its own. */
export function metricSourceContract(open: () => Promise<SourceScene>): void {
  let scene: SourceScene;
  beforeAll(async () => {
    scene = await open();
  });
  afterAll(() => scene?.close());
  const read = async (query: string, atMs: number) => {
    const answer = await scene.source.read(query, atMs);
    if (!answer.ok) throw new Error(answer.error);
    return [...answer.value]
      .map(({ labels, value }) => {
        // A scraper adds where it has a series from.
        const { job: _, instance: __, ...own } = labels;
        return { labels: own, value };
      })
      .sort((a, b) => a.value - b.value);
  };

  it("answers each series that a query selects, with its labels and without the metric's name", async () => {
    scene.set('hits_total{release="shop@1",code="200"}', 7);
    scene.set('hits_total{release="shop@1",code="500"}', 2);
    scene.set('hits_total{release="shop@2",code="200"}', 1_234_567_890_123);
    const at = await scene.settled();
    expect(await read('hits_total{release="shop@1"}', at)).toEqual([
      { labels: { release: "shop@1", code: "500" }, value: 2 },
      { labels: { release: "shop@1", code: "200" }, value: 7 },
    ]);
    expect((await read('hits_total{release="shop@2",code="200"}', at)).map((s) => s.value)).toEqual([
      1_234_567_890_123,
    ]);
  });
  it("answers nothing, and no error, for what it does not have", async () => {
    expect(await read('hits_total{release="shop@3"}', await scene.settled())).toEqual([]);
    expect(await read("misses_total", await scene.settled())).toEqual([]);
  });
  it("answers as of the time that is asked for", async () => {
    scene.set("orders_total", 1);
    const before = await scene.settled();
    scene.set("orders_total", 5);
    const after = await scene.settled();
    expect((await read("orders_total", before)).map((s) => s.value)).toEqual([1]);
    expect((await read("orders_total", after)).map((s) => s.value)).toEqual([5]);
  });
  it("tells its own clock", async () => {
    scene.set("clock_total", 1);
    const at = await scene.settled();
    const now = await scene.source.now();
    expect(now.ok && Math.abs(now.value - at)).toBeLessThan(10_000);
  });
  it("keeps the ends of a histogram's buckets", async () => {
    scene.set('took_seconds_bucket{le="0.1"}', 3);
    scene.set('took_seconds_bucket{le="+Inf"}', 4);
    const found = await read("took_seconds_bucket", await scene.settled());
    expect(found.map((s) => [s.labels.le, s.value])).toEqual([
      ["0.1", 3],
      ["+Inf", 4],
    ]);
  });
  it("says what is wrong with a query that it does not take", async () => {
    const answer = await scene.source.read('hits_total{release="shop@1"', await scene.settled());
    expect(answer).toMatchObject({ ok: false, error: expect.stringContaining("does not take the query") });
  });
  it("refuses an answer of too many series, with what to do", async () => {
    for (let i = 0; i <= SERIES_MAX; i++) scene.set(`many_total{path="/${i}"}`, 1);
    const answer = await scene.source.read("many_total", await scene.settled());
    expect(answer).toMatchObject({ ok: false, error: expect.stringMatching(/501 series, more than 500: .*sum\(/) });
  });
}
