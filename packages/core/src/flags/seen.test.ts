import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileFlags } from "./compile.ts";
import type { Flag } from "./model.ts";
import { previewFlag } from "./preview.ts";
import { estimateUsers, mergeSeen, SEEN_MAX, SeenSample, type SeenUser, seenHash, withoutIdentity } from "./seen.ts";

const seen = (user: string): SeenUser => ({ hash: seenHash(user), context: { targetingKey: user } });

describe("the sample of last week's users", () => {
  it("of several days together is that of all of them, whoever came on which day and how often", () => {
    const days = fc.array(fc.array(fc.integer({ min: 0, max: 60 }).map((n) => `u-${n}`)), { maxLength: 7 });
    fc.assert(
      fc.property(days, (all) => {
        const byDay = all.map((users) => mergeSeen(users.map(seen), 20));
        expect(mergeSeen(byDay.flat(), 20)).toEqual(mergeSeen(all.flat().map(seen), 20));
      }),
    );
  });

  it("is the same when the users come one by one, in any order and again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 3_999 }), (n, step) => {
        const sample = new SeenSample();
        const taken: SeenUser[] = [];
        for (let i = 0; i < n; i++) {
          const user = `u-${(i * step) % n}`;
          const one = sample.note({ targetingKey: user }, () => user);
          if (one) taken.push(one);
        }
        const users = Array.from({ length: n }, (_, i) => seen(`u-${(i * step) % n}`));
        expect(mergeSeen(taken)).toEqual(mergeSeen(users));
      }),
      { numRuns: 20 },
    );
  });

  it("counts few exactly, and many to within some percent", () => {
    const of = (n: number) => mergeSeen(Array.from({ length: n }, (_, i) => seen(`user-${i}`)));
    expect(estimateUsers(of(123))).toBe(123);
    // One in sqrt(500) is 4.5 %; four times that is far out.
    for (const n of [2_000, 40_000]) expect(Math.abs(estimateUsers(of(n)) / n - 1)).toBeLessThan(0.18);
  });

  it("keeps what rules ask for, and nobody's identity", () => {
    const context = {
      ...{ targetingKey: "ada@example.com", plan: "pro", age: 41, country: "GB", isStaff: false },
      ...{ email: "ada@example.com", name: "Ada Lovelace", "user.phone": "0123", firstName: "Ada", ip: "203.0.113.9" },
      user: { plan: "pro", email: "ada@example.com", lastName: "Lovelace", tags: ["a", "b@example.com"] },
      long: "x".repeat(500),
      nothing: null,
    };
    expect(withoutIdentity(context, "another")).toEqual({
      ...{ targetingKey: "another", plan: "pro", age: 41, country: "GB", isStaff: false, email: "another@example.com" },
      user: { plan: "pro", email: "another@example.com", tags: ["a", "another@example.com"] },
    });
  });

  it("keeps nothing that PostgreSQL can't keep as JSON, and no long names: one user would spoil the whole sample", () => {
    const context = {
      ...{ targetingKey: "u", zero: "a\0b", half: "\ud800", "n\0": 1, plan: "pro", mail: "a@b\0.com", smile: "😀" },
      user: { ["x".repeat(5_000)]: 1, [`${"y".repeat(79)}😀`]: 2, "\udc00": 2, tags: ["\0", "b"] },
    };
    expect(withoutIdentity(context, "another")).toEqual({
      ...{ targetingKey: "another", plan: "pro", smile: "😀" },
      user: { ["x".repeat(80)]: 1, ["y".repeat(79)]: 2, tags: ["b"] },
    });
  });

  it("says how many would get something else", () => {
    const flag = (percent: number): Flag => ({
      ...{ key: "f", type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
      ...{ isPublic: false, variants: { on: true, off: false }, salt: "f", hashVersion: "flagd-2" },
      environments: {
        production: {
          ...{ isEnabled: true, off: "off", prerequisites: [], rules: [] },
          otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent },
        },
      },
    });
    const set = (percent: number) => compileFlags({ flags: [flag(percent)], segments: [], environment: "production" });
    const users = Array.from({ length: SEEN_MAX }, (_, i) => ({ targetingKey: `u-${i}` }));
    const found = previewFlag(set(10), set(60), "f", users, 0);
    const on = found.variants.find((one) => one.variant === "on");
    expect(found.users).toBe(SEEN_MAX);
    expect(found.changed).toBe((on?.after ?? 0) - (on?.before ?? 0));
    expect(Math.abs(found.changed / SEEN_MAX - 0.5)).toBeLessThan(0.1);
    expect(found.rules).toEqual([{ rule: "otherwise", after: SEEN_MAX }]);
  });
});
