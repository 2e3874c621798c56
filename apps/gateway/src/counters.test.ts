import { expect, test } from "vitest";
import { Counters, MAX_ROWS } from "./counters.ts";
import { arm, tableOf } from "./testkit.ts";

const canary = arm("canary", ["http://127.0.0.1:1"], 100);
function serviceAt(n: number) {
  const table = tableOf(n, [canary]);
  const [service] = table.services;
  if (service === undefined) throw new Error("a table without a service");
  return { table, service };
}

test("counts by generation and keeps an old one until it is reported and has rested ten minutes", () => {
  let now = 0;
  const counters = new Counters(() => now);
  const row = counters.row(serviceAt(1).service, canary, "api");
  row.request(12, true, "v", "v");
  expect(row.snapshot()).toMatchObject({ requests: 1, errors: 1, pageViews: 0, generation: { epoch: 1, n: 1 } });
  const later = serviceAt(2).table;
  now = 600_001;
  counters.prune(later);
  expect(counters.size).toBe(1);
  row.reported = row.version;
  counters.prune(serviceAt(1).table);
  expect(counters.size).toBe(1);
  counters.prune(later);
  expect(counters.size).toBe(0);
});

test("counts a visitor's first error, requests and pages apart, and each of what is routed by itself", () => {
  const counters = new Counters(() => 0);
  const row = counters.row(serviceAt(1).service, canary, "document");
  for (const unit of ["v", "v", null, null, "w"]) row.request(1, true, unit, unit);
  row.request(1, false, "x", "x");
  row.laterError("x");
  row.laterError("x");
  for (const visitor of ["v", "v", null]) row.pageError(visitor);
  expect(row.snapshot()).toMatchObject({ errors: 7, unitErrors: 5, pageErrors: 3, unitPageErrors: 2 });
  const another = counters.row(serviceAt(2).service, canary, "document");
  another.request(1, true, "v", "v");
  expect(another.snapshot()).toMatchObject({ errors: 1, unitErrors: 0 });
});

test("says at once that an error was counted", () => {
  const counters = new Counters(() => 0);
  const seen: boolean[] = [];
  counters.onChange = (urgent) => seen.push(urgent);
  const row = counters.row(serviceAt(1).service, canary, "document");
  row.request(1, false, null, null);
  row.pageView();
  row.request(1, true, null, null);
  row.pageError(null);
  expect(seen).toEqual([false, false, true, true]);
});

test("never holds more rows than a report can carry, and says what it gave up", () => {
  const counters = new Counters(() => 0);
  for (let n = 0; n < MAX_ROWS + 5; n++)
    counters.row(serviceAt(n).service, canary, "api").request(1, false, null, null);
  expect(counters.size).toBe(MAX_ROWS);
  expect(counters.lostRows).toBe(5);
});
