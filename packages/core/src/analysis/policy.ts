import type { AnalysisPolicy } from "./types.ts";

/** The defaults, with their reasons in the type's comments and in docs/decisions. */
export const defaultPolicy: AnalysisPolicy = {
  alpha: 0.01,
  beta: 0.05,
  harmErrorRatio: 0.0002,
  safeErrorRatio: 0.005,
  harmLatency: 0.05,
  safeLatency: 0.15,
  latencyFloorMs: 10,
  settleMs: 15_000,
  minimumBakeMs: 120_000,
  minimumCanaryRequests: 50,
  memoryGrowthRatio: 0.5,
  restartLimit: 3,
};
