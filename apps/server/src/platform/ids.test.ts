import { describe, expect, it } from "vitest";
import { newId } from "./ids.ts";

describe("ids", () => {
  it("sort by the time they were made, within a millisecond too, and never repeat", () => {
    const ids = Array.from({ length: 20_000 }, () => newId("rol"));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("are UUIDv7 (RFC 9562) behind their prefix: version 7, variant 10, the time in front", () => {
    const before = Date.now();
    const [prefix, hex = ""] = newId("dep").split("_");
    expect(prefix).toBe("dep");
    expect(hex).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    expect(Number.parseInt(hex.slice(0, 12), 16)).toBeGreaterThanOrEqual(before);
  });
});
