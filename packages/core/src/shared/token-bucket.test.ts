import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bucket, isFull, type Rate, take, untouched } from "./token-bucket.ts";

const rates: fc.Arbitrary<Rate> = fc.record({
  perSecond: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 2_000 }),
});
/** Pauses between requests: none, as a crowd makes them, up to a minute. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60_000 })), { maxLength: 300 });

function play(rate: Rate, waits: readonly number[], from = 0) {
  let now = from;
  let bucket: Bucket = untouched(rate, now);
  return waits.map((wait) => {
    now += wait;
    const taken = take(rate, bucket, now);
    bucket = taken.bucket;
    return { now, ...taken };
  });
}

describe("a token bucket", () => {
  it("never allows more than the reserve and what came since, over any span", () => {
    fc.assert(
      fc.property(rates, pauses, (rate, waits) => {
        const allowed = play(rate, waits).filter((t) => t.allowed);
        for (let i = 0; i < allowed.length; i++)
          for (let j = i; j < allowed.length; j++) {
            const seconds = ((allowed[j]?.now ?? 0) - (allowed[i]?.now ?? 0)) / 1_000;
            expect(j - i + 1).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + 1e-3);
          }
      }),
      { numRuns: 50 },
    );
  });

  it("allows whoever stays within the rate everything", () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 300 }), (rate, n) => {
        const wait = Math.ceil(1_000 / rate.perSecond);
        expect(
          play(
            rate,
            Array.from({ length: n }, () => wait),
          ).every((t) => t.allowed),
        ).toBe(true);
      }),
    );
  });

  it("allows again after exactly the wait that it told, and the refused cost nothing", () => {
    fc.assert(
      fc.property(rates, pauses, fc.integer({ min: 0, max: 50 }), (rate, waits, refusals) => {
        const last = play(rate, [...waits, ...Array.from({ length: rate.burst }, () => 0)]).at(-1);
        if (!last) return;
        let bucket = last.bucket;
        for (let i = 0; i < refusals; i++) bucket = take(rate, bucket, last.now).bucket;
        // Halfway through, somebody may ask in vain: it changes nothing either.
        bucket = take(rate, bucket, last.now + last.waitMs / 2 - 1).bucket;
        if (last.waitMs > 2) expect(take(rate, last.bucket, last.now + last.waitMs / 2 - 1).allowed).toBe(false);
        expect(take(rate, bucket, last.now + last.waitMs).allowed).toBe(true);
      }),
    );
  });

  it("is whole again when it says so, and tells what remains", () => {
    fc.assert(
      fc.property(rates, pauses, (rate, waits) => {
        for (const taken of play(rate, waits)) {
          expect(isFull(rate, taken.bucket, taken.now + taken.fullInMs + 1)).toBe(true);
          expect(taken.remaining).toBeLessThan(rate.burst);
          expect(taken.waitMs > 0).toBe(taken.remaining === 0);
        }
      }),
    );
  });

  it("gives nothing for a clock that goes back", () => {
    const rate = { perSecond: 1, burst: 1 };
    const { bucket } = take(rate, untouched(rate, 10_000), 10_000);
    const early = take(rate, bucket, 5_000);
    expect(early.allowed).toBe(false);
    expect(take(rate, early.bucket, 10_500).allowed).toBe(false);
    expect(take(rate, early.bucket, 11_000).allowed).toBe(true);
  });
});
