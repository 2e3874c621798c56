import { expect, it } from "vitest";
import { pageBytes } from "./size.testkit.ts";

/** A page waits for what it loads: all that flags add to it stays below 6 kB. */
const GOAL_BYTES = 6_000;

it.each(["web", "react", "openfeature-web"] as const)("%s is below 6 kB with gzip", async (entry) => {
  const bytes = await pageBytes(entry);
  expect(bytes).toBeGreaterThan(200);
  expect(bytes).toBeLessThan(GOAL_BYTES);
});
