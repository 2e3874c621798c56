import { defineConfig } from "vitest/config";

/** One more than the cores of a small machine: the system suites mostly wait for processes and databases. */
const WORKERS = 3;

/**
 * `unit`: pure suites, one shared context (isolation costs 13 times as much). `system`: those with processes and databases,
 * which share what they import (isolated, 93 files spend 415 s on that instead of 27) and nothing else.
 */
export default defineConfig({
  test: {
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "apps/{server,gateway,cli,supervisor,leads}/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/testing/**", "**/testkit.ts", "apps/leads/src/web/**", "**/node_modules/**"],
      reporter: ["text", "json-summary"],
      // What only runs in processes of its own (the supervisor, the entries) is not counted, though system tests run it.
      thresholds: { lines: 80, "packages/core/src/**": { lines: 90 }, "packages/config/src/**": { lines: 80 } },
    },
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.{ts,tsx}",
            "bench/**/*.test.ts",
            "sim/**/*.test.ts",
          ],
          exclude: ["**/*.system.test.ts"],
          isolate: false,
          // It imports JSON in a way that only bundlers understand on Node 20.
          server: { deps: { inline: [/@actions\/(workflow-parser|expressions)/] } },
          pool: "threads",
          maxWorkers: WORKERS,
          // Simulations take half a minute of processor time, and six times that on a busy machine.
          testTimeout: 240_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["**/*.system.test.ts", "tools/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          isolate: false,
          pool: "forks",
          globalSetup: ["apps/server/src/testing/postgres-server.ts"],
          maxWorkers: WORKERS,
          // Whole rollouts with real processes, on a machine that may be busy: a limit for what hangs.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        // The whole product in a real browser: one file at a time, after nothing else is under way.
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          pool: "forks",
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
