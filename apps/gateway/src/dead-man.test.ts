import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterSilence, limitOf, Silence } from "./dead-man.ts";
import { TableHolder } from "./table.ts";
import { arm, tableOf } from "./testkit.ts";

const UP = ["http://127.0.0.1:1"];
const LIMIT = 300_000;
const table = (canary: number, deadManMs: number | undefined = LIMIT, n = 1) => {
  const made = tableOf(n, [arm("baseline", UP, 100 - canary), arm("canary", UP, canary)]);
  return { ...made, services: made.services.map((s) => (deadManMs === undefined ? s : { ...s, deadManMs })) };
};
const shares = (holder: TableHolder) => holder.current?.services[0]?.arms.map((a) => a.weightPercent);

describe("the dead man's switch", () => {
  it("sends everybody to the old release after the silence, and never more to the canary", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.nat(2 * LIMIT), (canary, silentMs) => {
        const before = table(canary);
        const after = afterSilence(before, silentMs);
        const [old, fresh] = after.services[0]?.arms.map((a) => a.weightPercent) ?? [];
        if (silentMs < LIMIT) expect(after).toBe(before);
        else expect([old, fresh]).toEqual([100, 0]);
      }),
    );
  });

  it("leaves alone what no canary is in, what is not to be watched, and a first release", () => {
    for (const same of [table(0), table(50, Number.MAX_SAFE_INTEGER), tableOf(1, [arm("canary", UP, 100)])])
      expect(afterSilence(same, LIMIT)).toBe(same);
    expect(limitOf(tableOf(1, [arm("baseline", UP, 100)]))).toBe(Number.POSITIVE_INFINITY);
  });

  it("holds until a server has answered for a while, or has sent a newer table", () => {
    const holder = new TableHolder();
    const silence = new Silence(0);
    holder.apply(table(20));
    expect(holder.watch(silence, LIMIT - 1)).toBe(false);
    expect(shares(holder)).toEqual([80, 20]);
    expect(holder.watch(silence, LIMIT)).toBe(true);
    expect(shares(holder)).toEqual([100, 0]);
    expect(holder.watch(silence, LIMIT + 500)).toBe(false);
    // One answer is not enough: that server may have slept as long.
    silence.heard(LIMIT + 1_000);
    holder.watch(silence, LIMIT + 1_000);
    expect(shares(holder)).toEqual([100, 0]);
    silence.lost();
    silence.heard(LIMIT + 8_000);
    silence.heard(LIMIT + 17_000);
    holder.watch(silence, LIMIT + 17_000);
    expect(shares(holder)).toEqual([100, 0]);
    silence.heard(LIMIT + 18_000);
    expect(holder.watch(silence, LIMIT + 18_000)).toBe(true);
    expect(shares(holder)).toEqual([80, 20]);
  });

  it("ends with a newer table", () => {
    const holder = new TableHolder();
    const silence = new Silence(0);
    holder.onChange(() => silence.over(LIMIT + 2_000));
    holder.apply(table(20));
    holder.watch(new Silence(0), LIMIT);
    expect(shares(holder)).toEqual([100, 0]);
    holder.apply(table(40, LIMIT, 2));
    holder.watch(silence, LIMIT + 2_001);
    expect(shares(holder)).toEqual([60, 40]);
  });
});
