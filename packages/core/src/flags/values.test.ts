import { describe, expect, it } from "vitest";
import { compileCondition } from "./conditions.ts";
import { parseInstant } from "./instants.ts";
import type { AttributeCondition } from "./model.ts";
import { murmur3 } from "./murmur3.ts";
import { patternProblem } from "./patterns.ts";
import { compareVersions, parseVersion } from "./versions.ts";

const holds = (condition: Omit<AttributeCondition, "kind" | "attribute">, value: unknown) =>
  compileCondition({ kind: "attribute", attribute: "x", ...condition }, new Map())({ x: value });

describe("MurmurHash3", () => {
  it("gives the published hashes of its reference (SMHasher; seeds 0 and others), over UTF-8", () => {
    // Of the reference implementation, as many ports publish them.
    const vectors: [string, number, number][] = [
      ["", 0, 0],
      ["", 1, 0x514e28b7],
      ["", 0xffffffff, 0x81f16f39],
      ["test", 0, 0xba6bd213],
      ["test", 0x9747b28c, 0x704b81dc],
      ["Hello, world!", 0, 0xc0363e43],
      ["Hello, world!", 0x9747b28c, 0x24884cba],
      ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
      ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
    ];
    for (const [text, seed, hash] of vectors) expect(murmur3("", seed)(text)).toBe(hash);
  });
  it("is the same wherever the prefix ends", () => {
    const text = "flag-1ünïcödé-漢字-🙂-u-17";
    const whole = murmur3()(text);
    const parts = [...text];
    for (let i = 0; i <= parts.length; i++)
      expect(murmur3(parts.slice(0, i).join(""))(parts.slice(i).join(""))).toBe(whole);
  });
});

describe("versions", () => {
  it("come in the order of semver.org", () => {
    const order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"];
    const all = [...order, "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "v2", "10.0.0"].map((text) => parseVersion(text));
    for (let i = 1; i < all.length; i++) {
      const [a, b] = [all[i - 1], all[i]];
      if (!a || !b) throw new Error("a version was not read");
      expect(compareVersions(a, b)).toBeLessThan(0);
      expect(compareVersions(b, a)).toBeGreaterThan(0);
    }
    for (const text of ["", "1.2.3.4", "01.2.3", "one", "1.0.0-"]) expect(parseVersion(text)).toBe(null);
  });
});

describe("instants", () => {
  it("are what RFC 3339 says, also before 1970 and on leap days", () => {
    for (const text of [
      "1970-01-01T00:00:00Z",
      "2024-02-29T23:59:59.250Z",
      "1969-12-31T23:59:59Z",
      "2000-03-01T00:00:00+05:30",
      "2026-12-31",
    ])
      expect(parseInstant(text), text).toBe(Date.parse(text));
    for (const text of ["", "2026-02-30", "2026-13-01", "yesterday", "2026-01-01T25:00:00Z"])
      expect(parseInstant(text)).toBe(null);
  });
});

describe("operators", () => {
  it("hold what they say, and nothing of another type", () => {
    expect(holds({ operator: "in", values: ["DE", "AT"] }, "AT")).toBe(true);
    expect(holds({ operator: "in", values: ["DE"] }, "de")).toBe(false);
    expect(holds({ operator: "in", values: ["DE"], ignoreCase: true }, "de")).toBe(true);
    expect(holds({ operator: "equals", values: [1] }, "1")).toBe(false);
    expect(holds({ operator: "contains", values: ["adm"] }, "the admin")).toBe(true);
    expect(holds({ operator: "equals", values: ["admin"] }, ["user", "admin"])).toBe(true);
    expect(holds({ operator: "ends_with", values: ["@example.com"] }, "a@example.com")).toBe(true);
    expect(holds({ operator: "greater_or_equal", values: [18] }, 18)).toBe(true);
    expect(holds({ operator: "greater", values: [18] }, "19")).toBe(false);
    expect(holds({ operator: "before", values: ["2026-01-01"] }, "2025-12-31T23:59:59Z")).toBe(true);
    expect(holds({ operator: "semver_same_major", values: ["2.1.0"] }, "2.9.3")).toBe(true);
    expect(holds({ operator: "semver_greater", values: ["2.1.0"] }, "2.1.0-rc.1")).toBe(false);
    expect(holds({ operator: "exists", values: [] }, null)).toBe(false);
    expect(holds({ operator: "matches", values: ["^u-\\d+$"] }, "u-17")).toBe(true);
    expect(holds({ operator: "matches", values: ["^(a+)+$"] }, "aaa")).toBe(false);
  });
  it("refuse patterns that could stall an evaluation", () => {
    for (const pattern of ["^(a+)+$", "(a|aa)*b", ".*.*", "(?=a)b", "(a)\\1", "[", "a{0,100000}", "x".repeat(201)])
      expect(patternProblem(pattern), pattern).not.toBe(null);
    for (const pattern of ["^u-\\d+$", "@example\\.(com|org)$", "^[A-Z]{2}\\d{4}$", "a\\+b*"])
      expect(patternProblem(pattern), pattern).toBe(null);
  });
});
