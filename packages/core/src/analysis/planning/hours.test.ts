import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addHours, HOUR_MS, type HourTraffic, spreadOverHours } from "./hours.ts";

const counts = fc.record({
  requests: fc.nat(100_000),
  errors: fc.nat(1_000),
  latency: fc.dictionary(fc.constantFrom("-3", "90", "100", "120"), fc.integer({ min: 1, max: 500 })),
});

it("loses nothing and adds nothing, however long the time is", () => {
  fc.assert(
    fc.property(counts, fc.nat(10 * HOUR_MS), fc.nat(50 * HOUR_MS), (whole, fromMs, lengthMs) => {
      const parts = spreadOverHours(fromMs, fromMs + lengthMs, whole);
      const sum = parts.reduce<HourTraffic>(addHours, { hourMs: 0, requests: 0, errors: 0, latency: {} });
      expect(sum).toEqual({ hourMs: 0, ...whole });
      for (const { hourMs } of parts) {
        expect(hourMs % HOUR_MS).toBe(0);
        expect(hourMs).toBeGreaterThan(fromMs - HOUR_MS);
        expect(hourMs).toBeLessThanOrEqual(fromMs + lengthMs);
      }
    }),
  );
});

it("shares by time: a quarter of an hour before the full hour and three quarters after it", () => {
  const parts = spreadOverHours(0.75 * HOUR_MS, 1.75 * HOUR_MS, { requests: 400, errors: 8, latency: { "100": 400 } });
  expect(parts).toEqual([
    { hourMs: 0, requests: 100, errors: 2, latency: { "100": 100 } },
    { hourMs: HOUR_MS, requests: 300, errors: 6, latency: { "100": 300 } },
  ]);
});
