import fc from "fast-check";
import { expect, it } from "vitest";
import { type Cumulative, takeDeltas } from "./counters.ts";

const row = (over: Partial<Cumulative>): Cumulative => ({
  key: "g/b/1/new/api",
  generation: { epoch: 1, n: 1 },
  releaseId: "new",
  routeClass: "api",
  requests: 0,
  errors: 0,
  latency: {},
  pageViews: 0,
  pageErrors: 0,
  ...over,
});

it("splits by arm and by generation, and takes each count once", () => {
  const counters = [
    row({ requests: 10, errors: 1, latency: { "5": 10 } }),
    row({ key: "g/b/1/old/api", releaseId: "old", requests: 90, latency: { "5": 90 } }),
    row({ key: "g/b/2/new/api", generation: { epoch: 1, n: 2 }, requests: 4, latency: { "6": 4 } }),
  ];
  const first = takeDeltas(counters, {}, "new");
  expect(first.deltas.map((d) => [d.generation.n, d.canary.requests, d.baseline.requests])).toEqual([
    [1, 10, 90],
    [2, 4, 0],
  ]);
  expect(takeDeltas(counters, first.taken, "new").deltas).toEqual([]);
});

it("leaves assets out of requests, yet keeps what they tell of broken pages", () => {
  const asset = row({ key: "a", routeClass: "asset", requests: 50, errors: 0, pageErrors: 3 });
  const { deltas } = takeDeltas([asset], {}, "new");
  expect(deltas[0]?.canary).toMatchObject({ requests: 0, pageErrors: 3 });
});

it("loses and doubles nothing, however the reports are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 20 }), (steps) => {
      let requests = 0;
      let taken = {};
      let seen = 0;
      for (const step of steps) {
        requests += step;
        const out = takeDeltas([row({ requests })], taken, "new");
        taken = out.taken;
        seen += out.deltas.reduce((n, d) => n + d.canary.requests, 0);
      }
      expect(seen).toBe(requests);
    }),
  );
});

it("counts visitors' first errors of what is routed with its visitor, and every error of a gateway that doesn't know them", () => {
  const units = { unitErrors: 2, unitPageErrors: 0 };
  const counters = [
    row({ key: "api", requests: 10, errors: 3, unitErrors: 3, unitPageErrors: 0 }),
    row({ key: "page", routeClass: "document", requests: 20, errors: 6, ...units }),
    row({ key: "before", routeClass: "document", requests: 5, errors: 4 }),
    row({ key: "asset", routeClass: "asset", requests: 9, errors: 9, ...units }),
  ];
  const { deltas, taken } = takeDeltas(counters, {}, "new");
  const expected = { requests: 35, errors: 13, unitErrors: 9, visitorRequests: 20, visitorErrors: 6 };
  expect(deltas[0]?.canary).toMatchObject(expected);
  expect(takeDeltas(counters, JSON.parse(JSON.stringify(taken)), "new").deltas).toEqual([]);
  const later = row({ key: "page", routeClass: "document", requests: 21, errors: 8, unitErrors: 3, unitPageErrors: 0 });
  expect(takeDeltas([later], taken, "new").deltas[0]?.canary).toMatchObject({ errors: 2, unitErrors: 1 });
});

it("says nothing of visitors where no gateway does", () => {
  const { deltas } = takeDeltas([row({ requests: 10, errors: 3 })], {}, "new");
  expect(Object.keys(deltas[0]?.canary ?? {})).not.toContain("unitErrors");
});
