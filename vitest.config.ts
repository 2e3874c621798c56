import { defineConfig } from "vitest/config";

/** `unit`: pure suites, one shared context (isolation costs 13 times as much). `system`: those with processes and databases. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.{ts,tsx}", "bench/**/*.test.ts"],
          exclude: ["**/*.system.test.ts"],
          isolate: false,
          pool: "threads",
          // Simulations take half a minute of processor time, and six times that on a busy machine.
          testTimeout: 240_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["**/*.system.test.ts", "tools/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          pool: "forks",
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
