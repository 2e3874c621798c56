import { describe } from "vitest";
import { MemoryMetricSource } from "./memory-metric-source.ts";
import { metricSourceContract } from "./metric-source.contract.ts";

describe("counters in memory", () => {
  metricSourceContract(async () => {
    const source = new MemoryMetricSource();
    let now = 1_800_000_000_000;
    return {
      source,
      set: (series, value) => source.set(series, value, now),
      // Time goes on with each answer, so that what is set next is later.
      settled: async () => now++,
      close: async () => {},
    };
  });
});
