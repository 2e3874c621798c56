import { compileFlags } from "@latchkey/core/flags/compile";
import { context, flagOf, instant, rules, sourceOf } from "@latchkey/core/flags/testing/arbitraries";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerAll, writtenOf } from "./answers.ts";

const STREAMS = '[{"type":"sse","url":"/ofrep/v1/events?ticket=ä"}]';
const sets = fc
  .array(rules, { maxLength: 6 })
  .map((all) => compileFlags(sourceOf(...all.map((one, i) => flagOf(`flag-${i}`, one)))));

describe("all answers at once", () => {
  it("are the single ones, as JSON", () => {
    fc.assert(
      fc.property(sets, context, instant, (set, user, at) => {
        const nowMs = Date.parse(at);
        const body = JSON.parse(answerAll(set, set.keys, user, nowMs).body(STREAMS).toString()) as unknown;
        const single = set.keys.map(
          (key) => JSON.parse(writtenOf(set, key, set.evaluate(key, user, nowMs)).text) as unknown,
        );
        expect(body).toEqual({ flags: single, eventStreams: JSON.parse(STREAMS) });
      }),
    );
  });

  it("have the same ETag exactly where they say the same, also of another server that read the same flags", () => {
    const drawn = fc.array(rules, { minLength: 1, maxLength: 4 });
    const make = (all: Parameters<typeof flagOf>[1][]) =>
      compileFlags(sourceOf(...all.map((one, i) => flagOf(`flag-${i}`, one))));
    fc.assert(
      fc.property(drawn, context, context, instant, (all, a, b, at) => {
        const nowMs = Date.parse(at);
        const [first, second] = [make(all), make(all)];
        const one = answerAll(first, first.keys, a, nowMs);
        const other = answerAll(second, second.keys, b, nowMs);
        expect(other.etag === one.etag).toBe(other.body(STREAMS).equals(one.body(STREAMS)));
        expect(answerAll(second, second.keys, a, nowMs).etag).toBe(one.etag);
      }),
    );
  });

  it("are none where there is no flag", () => {
    const none = compileFlags(sourceOf());
    expect(JSON.parse(answerAll(none, none.keys, {}, 0).body("[]").toString())).toEqual({
      flags: [],
      eventStreams: [],
    });
  });
});
