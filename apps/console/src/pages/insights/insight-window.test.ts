import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { insightDeployments, insights } from "../../search.ts";
import { daysOf, doraQuery, lengthOf, periodWords, windowQuery, zoomed } from "./insight-window.ts";

const NOON = Date.parse("2026-08-20T12:00:00Z");
const DAY_MS = 86_400_000;

describe("the window of the pages of Insights", () => {
  it("is the last 90 whole days with today, until something else is asked for", () => {
    expect(daysOf({}, NOON)).toEqual({ first: "2026-05-23", last: "2026-08-20" });
    expect(windowQuery({}, NOON)).toEqual({ from: "2026-05-23T00:00:00.000Z", to: "2026-08-21T00:00:00.000Z" });
    expect(windowQuery({ days: "7", service: "shop" }, NOON)).toEqual({
      service: "shop",
      from: "2026-08-14T00:00:00.000Z",
      to: "2026-08-21T00:00:00.000Z",
    });
  });

  it("takes own days with both ends in it, and those that were turned round", () => {
    const days = { first: "2026-08-01", last: "2026-08-03" };
    expect(daysOf({ from: "2026-08-01", to: "2026-08-03" }, NOON)).toEqual(days);
    expect(daysOf({ from: "2026-08-03", to: "2026-08-01" }, NOON)).toEqual(days);
    expect(lengthOf(days)).toBe(3);
    expect(windowQuery({ from: "2026-08-01", to: "2026-08-03" }, NOON).to).toBe("2026-08-04T00:00:00.000Z");
  });

  it("asks for what was known at the end of a day", () => {
    expect(doraQuery({ known: "2026-08-03" }, NOON)).toMatchObject({
      by: "week",
      definition: "dora-2025",
      asKnownAt: "2026-08-03T23:59:59.999Z",
    });
    expect(doraQuery({}, NOON)).not.toHaveProperty("asKnownAt");
  });

  it("reads only what it understands from an address", () => {
    expect(insights({ from: "2026-13-01", to: "yesterday", days: 30, by: "hour", definition: "guide" })).toEqual({
      days: "30",
      definition: "guide",
    });
    expect(insightDeployments({ only: "everything", correct: "dep_1" })).toEqual({ correct: "dep_1" });
  });

  it("covers what was dragged over with whole days, never more than a day beyond either end", () => {
    const from = Date.parse("2020-01-01T00:00:00Z") / 1000;
    fc.assert(
      fc.property(
        fc.integer({ min: from, max: from + 200_000_000 }),
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.constantFrom("day", "week", "month"),
        (start, length, by) => {
          const zoom = zoomed({ from: start, to: start + length }, by);
          const query = windowQuery(zoom, NOON);
          const begin = Date.parse(query.from ?? "");
          const end = Date.parse(query.to ?? "");
          expect(begin).toBeLessThanOrEqual(start * 1000);
          expect(begin).toBeGreaterThan(start * 1000 - DAY_MS);
          expect(end).toBeGreaterThanOrEqual((start + length) * 1000);
          expect(end).toBeLessThan((start + length) * 1000 + DAY_MS);
          // The address reads back as what was written into it.
          expect(insights({ ...zoom })).toMatchObject(zoom);
        },
      ),
    );
  });

  it("draws a short zoom in finer points, and never in coarser ones than before", () => {
    const day = (d: string): number => Date.parse(`${d}T00:00:00Z`) / 1000;
    expect(zoomed({ from: day("2026-08-01"), to: day("2026-08-11") }, "week").by).toBe("day");
    expect(zoomed({ from: day("2026-06-01"), to: day("2026-08-11") }, "week").by).toBe("week");
    expect(zoomed({ from: day("2026-01-01"), to: day("2026-03-01") }, "month").by).toBe("week");
    expect(zoomed({ from: day("2025-01-01"), to: day("2026-08-11") }, "day").by).toBe("day");
  });

  it.each([
    ["2026-08-03T00:00:00Z", "2026-08-04T00:00:00Z", "3 Aug 2026"],
    ["2026-08-03T00:00:00Z", "2026-08-10T00:00:00Z", "3 to 9 Aug 2026"],
    ["2026-07-30T00:00:00Z", "2026-08-06T00:00:00Z", "30 Jul 2026 to 5 Aug 2026"],
    ["2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z", "August 2026"],
    ["2026-08-01T00:00:00Z", "2026-08-08T00:00:00Z", "1 to 7 Aug 2026"],
  ])("calls %s to %s %j", (from, to, words) => {
    expect(periodWords(from, to)).toBe(words);
  });
});
