import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold } from "../shared/registers.ts";
import { wrongField } from "./fact-fields.ts";
import { deploymentOf, INSTANT_MAX_MS, incidentOf } from "./history.ts";

describe("a fact's fields", () => {
  it.each([
    [{ service: "leads", servedAllAtMs: 1_764_000_000_000, commits: ["a"], outcome: "succeeded" }, null],
    [{ service: null, recoveredAtMs: null, links: null }, null],
    [{ whatever: { deep: [1, "x"] } }, null],
    [{ links: [{ deployment: "d", by: "stated", words: "" }] }, null],
    [{ servedAllAtMs: "2026-11-27T00:00:00Z" }, "servedAllAtMs"],
    [{ startedAtMs: -1 }, "startedAtMs"],
    [{ startedAtMs: INSTANT_MAX_MS + 1 }, "startedAtMs"],
    [{ service: "x".repeat(301) }, "service"],
    [{ service: 7 }, "service"],
    [{ commits: "abc" }, "commits"],
    [{ commits: ["a", 1] }, "commits"],
    [{ outcome: "won" }, "outcome"],
    [{ isProduction: "yes" }, "isProduction"],
    [{ links: [{ deployment: "d", by: "clock" }] }, "links"],
    [{ usersExposed: -3 }, "usersExposed"],
  ])("%j: wrong is %s", (fields, wrong) => {
    expect(wrongField(fields)?.field ?? null).toBe(wrong);
    if (wrong !== null) expect(wrongField(fields)?.words).toMatch(/^must be /);
  });

  it("that are right are read as times that a date can hold", () => {
    const value = fc.jsonValue().map((v) => v as never);
    const name = fc.constantFrom(
      "service",
      "startedAtMs",
      "servedAllAtMs",
      "exposedAtMs",
      "links",
      "commits",
      "outcome",
    );
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(value, fc.double({ noNaN: true }), fc.constant("leads"))), (fields) => {
        fc.pre(wrongField(fields) === null);
        const thing = fold({}, { atMs: 0, rank: 0, fields });
        const read = deploymentOf("d", thing);
        for (const ms of [
          read?.startedAtMs,
          read?.servedAllAtMs,
          read?.exposedAtMs,
          incidentOf("i", thing).startedAtMs,
        ])
          if (ms !== null && ms !== undefined) expect(ms >= 0 && ms <= INSTANT_MAX_MS).toBe(true);
      }),
    );
  });
});
