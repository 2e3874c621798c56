import { readFileSync } from "node:fs";
import type { MetricSource } from "@latchkey/core/analysis/metric-source";
import { err, type Result } from "@latchkey/core/shared/result";
import type { Config } from "../../config.ts";
import { prometheusSource } from "./source.ts";

/**
 * The source that the server was told of, or null. Its token is in a file or in LATCHKEY_PROMETHEUS_TOKEN, never in a flag,
 * which every process of the machine can read. The file is read at each query: platforms that renew tokens write it anew.
 */
export function metricSourceOf(
  { prometheusUrl: url, prometheusTokenFile: file }: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): MetricSource | null {
  if (url === undefined) return null;
  if (file === undefined) return prometheusSource({ url, token: env.LATCHKEY_PROMETHEUS_TOKEN || undefined });
  const asking = <T>(ask: (source: MetricSource) => Promise<Result<T, string>>): Promise<Result<T, string>> => {
    const token = textOf(file);
    return token === null
      ? Promise.resolve(err(`its token can't be read from ${file}`))
      : ask(prometheusSource({ url, token }));
  };
  return {
    read: (query, atMs) => asking((source) => source.read(query, atMs)),
    now: () => asking((source) => source.now()),
  };
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}
