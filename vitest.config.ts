import { defineConfig } from "vitest/config";

/** `unit`: pure suites, one shared context (isolation costs 13 times as much). `system`: those with processes and databases. */
export default defineConfig({
  test: {
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "apps/{server,gateway,cli,supervisor,leads}/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/testing/**", "**/testkit.ts", "apps/leads/src/web/**", "**/node_modules/**"],
      reporter: ["text", "json-summary"],
    },
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.{ts,tsx}"],
          exclude: ["**/*.system.test.ts"],
          isolate: false,
          pool: "threads",
          // Simulations take their time on a busy machine.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["**/*.system.test.ts", "tools/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          pool: "forks",
          globalSetup: ["apps/server/src/testing/postgres-server.ts"],
          // These tests mostly wait for processes and databases: more of them than cores are no burden.
          maxWorkers: 3,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
