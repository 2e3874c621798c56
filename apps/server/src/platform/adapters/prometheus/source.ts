import type { MetricSource, Sample } from "@latchkey/core/analysis/metric-source";
import { SERIES_MAX } from "@latchkey/core/analysis/metric-source";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { z } from "zod";
import { withDeadline } from "../../deadline.ts";

/** A Prometheus, or another server with its HTTP API (Thanos, Mimir, VictoriaMetrics). */
const TIMEOUT_MS = 5_000;
/** 500 series with 20 labels of 100 bytes each. */
const ANSWER_BYTES_MAX = 1_000_000;

const Answer = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("success"),
    data: z.discriminatedUnion("resultType", [
      z.object({
        resultType: z.literal("vector"),
        result: z.array(
          z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
        ),
      }),
      z.object({ resultType: z.literal("scalar"), result: z.tuple([z.number(), z.string()]) }),
      z.object({ resultType: z.enum(["matrix", "string"]) }),
    ]),
  }),
  z.object({ status: z.literal("error"), error: z.string() }),
]);

export interface PrometheusOptions {
  /** Without /api/v1, e.g. http://prometheus:9090 or https://mimir.example.com/prometheus. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  readonly timeoutMs?: number;
}

export function prometheusSource({ url, token, timeoutMs = TIMEOUT_MS }: PrometheusOptions): MetricSource {
  const address = `${url.replace(/\/+$/, "")}/api/v1/query`;
  const ask = async (form: Record<string, string>): Promise<Result<readonly Sample[], string>> => {
    try {
      const { status, text } = await withDeadline(timeoutMs, async (signal) => {
        const response = await fetch(address, {
          method: "POST",
          body: new URLSearchParams(form),
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          // A redirect would carry the token elsewhere.
          redirect: "error",
          signal,
        });
        return { status: response.status, text: await bounded(response) };
      });
      if (text === null)
        return err(`it answered with more than ${ANSWER_BYTES_MAX / 1e6} MB; add series up with sum(...)`);
      return answerOf(status, text);
    } catch (error) {
      return err(whyNot(error, timeoutMs));
    }
  };
  return {
    read: (query, atMs) => ask({ query, time: String(atMs / 1_000) }),
    // Without a time a query is of the source's own present (HTTP API, "Instant queries").
    now: async () => {
      const answer = await ask({ query: "time()" });
      if (!answer.ok) return answer;
      const seconds = answer.value[0]?.value ?? Number.NaN;
      return Number.isFinite(seconds) ? ok(seconds * 1_000) : err("it does not tell its time");
    },
  };
}

/** The body as text, or null when it is too large: what is left of it is not read. */
async function bounded(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answerOf(status: number, text: string): Result<readonly Sample[], string> {
  if (status === 401 || status === 403) return err(`it refuses the token (${status}): see --prometheus-token-file`);
  const answer = parsed(text);
  if (answer === null)
    return err(`what answered (${status}) does not speak Prometheus' HTTP API: see --prometheus-url`);
  if (answer.status === "error") return err(`it does not take the query: ${answer.error.slice(0, 300)}`);
  const { data } = answer;
  if (data.resultType === "scalar") return ok([{ labels: {}, value: Number(data.result[1]) }]);
  if (data.resultType !== "vector")
    return err(
      `the query answers a ${data.resultType}, where one value for each series is asked for: leave out [...] ranges`,
    );
  if (data.result.length > SERIES_MAX)
    return err(`the query answers ${data.result.length} series, more than ${SERIES_MAX}: add them up with sum(...)`);
  return ok(data.result.map(({ metric: { __name__: _, ...labels }, value }) => ({ labels, value: Number(value[1]) })));
}

function parsed(text: string): z.infer<typeof Answer> | null {
  try {
    return Answer.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function whyNot(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown; message?: unknown } };
  if (name === "TimeoutError") return `it did not answer within ${timeoutMs / 1_000} s`;
  if (cause?.message === "unexpected redirect")
    return "it answers with a redirect: give its final address with --prometheus-url";
  return `it can't be reached (${String(cause?.code ?? cause?.message ?? (error as Error).message)})`;
}
