import { readFileSync } from "node:fs";
import type { MetricSource } from "@latchkey/core/analysis/metric-source";
import { err } from "@latchkey/core/shared/result";
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
  return {
    read: async (query, atMs) => {
      const token = textOf(file);
      if (token === null) return err(`its token can't be read from ${file}`);
      return prometheusSource({ url, token }).read(query, atMs);
    },
  };
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}
