import * as fc from "fast-check";
import { expect, test } from "vitest";
import { err, ok } from "../shared/result.ts";
import { judgeBurn, NO_BURN_RATES } from "./burning.ts";

const RULE = { query: "burn", above: 14.4 };
const samples = (...values: number[]) => ok(values.map((value, i) => ({ labels: { i: String(i) }, value })));
const number = fc.double({ noNaN: true, noDefaultInfinity: true });

test("burns exactly where a series is above the limit", () => {
  fc.assert(
    fc.property(fc.array(number, { minLength: 1 }), number, (values, above) => {
      expect(judgeBurn(samples(...values), { ...RULE, above })).toMatchObject({
        kind: "known",
        isBurning: values.some((value) => value > above),
      });
    }),
  );
});

test("is never well without a number: no answer, no series, or a series without traffic", () => {
  for (const answer of [err("it did not answer within 5 s"), samples(), samples(Number.NaN), samples(1, Number.NaN)])
    expect(judgeBurn(answer, RULE).kind).toBe("unavailable");
});

test("burns by one series although another has no number", () => {
  expect(judgeBurn(samples(Number.NaN, 20), RULE)).toEqual({
    kind: "known",
    isBurning: true,
    words: "the burn rate is 20, above 14.4",
  });
});

test("without a rule nobody can tell", async () => {
  expect((await NO_BURN_RATES.burning("leads", "production")).kind).toBe("unavailable");
});
