import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { healthOf } from "./health-shape.ts";

const mapped = { healthy: ["healthy", "ok"], degraded: ["degraded"], unhealthy: ["unhealthy"] };
const answer = (status: number, body: unknown) => ({ status, body: JSON.stringify(body) });

describe("a health answer", () => {
  it("is its status where nothing is mapped", () => {
    expect(healthOf({ status: 200, body: "<!doctype html>" }).state).toBe("healthy");
    expect(healthOf({ status: 503, body: "" })).toEqual({ state: "unhealthy", words: "answered 503 instead of 200" });
  });
  it.each([
    [200, { status: "healthy" }, "healthy"],
    [200, { status: "OK" }, "healthy"],
    [200, { status: "degraded" }, "degraded"],
    [200, { status: "unhealthy" }, "unhealthy"],
    [503, { status: "degraded" }, "unhealthy"],
    [200, { status: "fine" }, "unhealthy"],
    [200, { state: "healthy" }, "unhealthy"],
    [200, [], "unhealthy"],
  ] as const)("%i with %j is %s", (status, body, state) => {
    expect(healthOf(answer(status, body), mapped).state).toBe(state);
  });
  it("is not the page that a catch-all redirect answers with 200", () => {
    expect(healthOf({ status: 200, body: "<!doctype html><title>Shop</title>" }, mapped)).toEqual({
      state: "unhealthy",
      words: 'answered 200, but not with JSON that has a text or boolean at "status"',
    });
  });
  it("is found below other fields, and may be a boolean", () => {
    const shape = { field: "checks.database.up", healthy: ["true"], unhealthy: ["false"] };
    expect(healthOf(answer(200, { checks: { database: { up: true } } }), shape).state).toBe("healthy");
    expect(healthOf(answer(200, { checks: { database: { up: false } } }), shape).state).toBe("unhealthy");
    expect(healthOf(answer(200, { checks: null }), shape).state).toBe("unhealthy");
  });
  it("is never ready with another status than 200, and never throws", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(fc.string(), fc.json()),
        fc.string(),
        (status, body, field) => {
          const seen = healthOf({ status, body }, { ...mapped, field });
          expect(status === 200 || seen.state === "unhealthy").toBe(true);
        },
      ),
    );
  });
  it("takes the worst of two lists that share a word", () => {
    expect(healthOf(answer(200, { status: "up" }), { healthy: ["up"], unhealthy: ["up"] }).state).toBe("unhealthy");
  });
});
