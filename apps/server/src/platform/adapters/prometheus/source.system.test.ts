import { rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { metricSourceContract } from "@latchkey/core/testing/metric-source.contract";
import { afterEach, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { hasPrometheus, PrometheusServer } from "../../../testing/prometheus.ts";
import { until } from "../../../testing/until.ts";
import type { Config } from "../../config.ts";
import { metricSourceOf } from "./configured.ts";
import { prometheusSource } from "./source.ts";

describe.runIf(hasPrometheus)("a real Prometheus", () => {
  metricSourceContract(async () => {
    const prometheus = await PrometheusServer.start();
    const source = prometheusSource({ url: prometheus.url });
    let marks = 0;
    return {
      source,
      set: (series, value) => prometheus.exporter.set(series, value),
      settled: async () => {
        marks += 1;
        prometheus.exporter.set("mark_total", marks);
        return until("it has scraped what was set", async () => {
          const atMs = Date.now();
          const answer = await source.read("mark_total", atMs);
          return answer.ok && answer.value[0]?.value === marks && atMs;
        });
      },
      close: () => prometheus.stop(),
    };
  });
});

describe("what answers in place of a Prometheus", () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });
  async function answering(listener: RequestListener): Promise<string> {
    const made = createServer(listener);
    server = made;
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
  }
  const says = (status: number, body: string, headers: Record<string, string> = {}): Promise<string> =>
    answering((_request, response) => response.writeHead(status, headers).end(body));
  const errorOf = async (url: string, timeoutMs = 5_000): Promise<string> => {
    const answer = await prometheusSource({ url, timeoutMs }).read("up", 0);
    return answer.ok ? "it was taken" : answer.error;
  };
  const vector = (...values: string[]) =>
    JSON.stringify({
      status: "success",
      data: { resultType: "vector", result: values.map((v, i) => ({ metric: { i: String(i) }, value: [1, v] })) },
    });

  it.each([
    [401, "", /refuses the token \(401\): see --prometheus-token-file/],
    [200, "<html>", /does not speak Prometheus' HTTP API: see --prometheus-url/],
    [200, '{"status":"success","data":{"resultType":"vector","result":[{}]}}', /does not speak Prometheus' HTTP API/],
    [
      400,
      '{"status":"error","errorType":"bad_data","error":"parse error: x"}',
      /does not take the query: parse error: x/,
    ],
    [
      200,
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      /answers a matrix, .*leave out \[\.\.\.\] ranges/,
    ],
    [200, `"${"x".repeat(1_000_001)}"`, /answered with more than 1 MB; add series up with sum/],
  ])("is told from what it says: %i %.40s", async (status, body, words) => {
    expect(await errorOf(await says(status, body))).toMatch(words);
  });
  it("is not followed elsewhere, where the token would go as well", async () => {
    const url = await says(302, "", { location: "http://127.0.0.1:9/" });
    expect(await errorOf(url)).toMatch(/answers with a redirect: give its final address/);
  });
  it("is given up when it does not answer, or is not there", async () => {
    expect(await errorOf(await answering(() => {}), 50)).toBe("it did not answer within 0.05 s");
    expect(await errorOf(await answering((_q, response) => response.writeHead(200).write("{")), 50)).toBe(
      "it did not answer within 0.05 s",
    );
    expect(await errorOf("http://127.0.0.1:9")).toMatch(/can't be reached/);
  });
  it("is asked below its prefix, by a form, at a time, with the token of the moment", async () => {
    const asked: (string | undefined)[] = [];
    const url = await answering((request, response) => {
      request.on("data", (part) => asked.push(request.url, request.headers.authorization, String(part)));
      request.on("end", () => response.end(vector("3", "+Inf")));
    });
    const dir = temporaryDirectory();
    const file = join(dir, "token");
    const config = { prometheusUrl: `${url}/prometheus/`, prometheusTokenFile: file } as Config;
    writeFileSync(file, "first\n");
    const source = metricSourceOf(config, {});
    const answer = await source?.read('up{a="b"}', 1_500);
    expect(answer).toEqual({
      ok: true,
      value: [
        { labels: { i: "0" }, value: 3 },
        { labels: { i: "1" }, value: Number.NaN },
      ],
    });
    writeFileSync(file, "second");
    await source?.read("up", 0);
    expect(asked.filter((text) => text?.startsWith("Bearer"))).toEqual(["Bearer first", "Bearer second"]);
    expect(asked.slice(0, 3)).toEqual([
      "/prometheus/api/v1/query",
      "Bearer first",
      "query=up%7Ba%3D%22b%22%7D&time=1.5",
    ]);
    expect(await source?.now()).toEqual({ ok: true, value: 3_000 });
    expect(asked.at(-1)).toBe("query=time%28%29");
    rmSync(file);
    expect(await source?.read("up", 0)).toMatchObject({ ok: false, error: `its token can't be read from ${file}` });
    removeDirectory(dir);
    const { prometheusTokenFile: _, ...plain } = config;
    await metricSourceOf(plain, { LATCHKEY_PROMETHEUS_TOKEN: "third" })?.read("up", 0);
    expect(asked).toContain("Bearer third");
    expect(metricSourceOf({} as Config, {})).toBeNull();
  });
});
