import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as flags from "../testkit/flag-examples.ts";
import { Bench } from "../testkit/terminal.ts";

const bench = new Bench();
beforeAll(() => bench.start());
afterAll(() => bench.stop());
const asked = (name: string) => bench.server.asked.filter((one) => one.name === name).map((one) => one.body);
const when = flags.flagSegment.when;
const set = (...more: string[]) =>
  bench.run("flags", "set-segment", "abroad", "--when", JSON.stringify(when), "--reason", "a new market", ...more);

describe("latchkey flags set-segment and remove-segment", () => {
  beforeEach(() => {
    bench.server.asked.length = 0;
    bench.server.answers = {
      listFlagSegments: () => ({ items: [flags.flagSegment] }),
      putFlagSegment: () => flags.flagSegment,
      proposeFlagSegmentChange: () => flags.segmentProposal,
      listFlagProposals: () => ({ items: [flags.segmentProposal, flags.flagProposal], next: null }),
      decideFlagProposal: () => ({ ...flags.segmentProposal, state: "applied" as const }),
    };
  });

  it("keeps who it is about, unless that is said too", async () => {
    await set();
    await set("--about", "Investors in Austria");
    expect(asked("putFlagSegment")).toMatchObject([
      { description: "Investors abroad", when },
      { description: "Investors in Austria", when },
    ]);
    bench.server.answers.listFlagSegments = () => ({ items: [] });
    expect(await set()).toMatchObject({ exitCode: 0 });
    expect(asked("putFlagSegment").at(-1)).toMatchObject({ description: "" });
  });

  it("proposes it, and says which flags would answer by it, and where", async () => {
    const { out, exitCode } = await set("--propose");
    expect(exitCode).toBe(0);
    expect(out).toContain('when.values.1: "AT" -> "CH"');
    expect(out).toContain("changes what these flags answer: new-lead-form (production, staging)");
    expect(out).toContain("latchkey flags approve flp_2");
    expect(asked("proposeFlagSegmentChange")).toMatchObject([
      { change: { kind: "set_segment", description: "Investors abroad", when }, reason: "a new market" },
    ]);
    expect(asked("putFlagSegment")).toEqual([]);
  });

  it("proposes that it is deleted, with a reason for whoever agrees", async () => {
    const gone = (...more: string[]) => bench.run("flags", "remove-segment", "abroad", "--propose", ...more);
    const { exitCode, err } = await gone();
    expect([exitCode, err]).toEqual([2, expect.stringContaining("Add --reason")]);
    expect(asked("proposeFlagSegmentChange")).toEqual([]);
    expect(await gone("--reason", "nobody names it")).toMatchObject({ exitCode: 0 });
    expect(asked("proposeFlagSegmentChange")).toMatchObject([
      { change: { kind: "delete_segment" }, reason: "nobody names it" },
    ]);
  });

  it("lists proposals of segments among those of flags, with the flags that each changes", async () => {
    const { out } = await bench.run("flags", "proposals", "--segment", "abroad");
    expect(bench.server.asked.at(-1)?.query).toMatchObject({ segment: "abroad" });
    expect(out).toContain("segment abroad");
    expect(out).toContain("flp_2, segment abroad:\n  changes what these flags answer: new-lead-form");
    const done = await bench.run("flags", "approve", "flp_2", "--reason", "read it");
    expect(done.out).toContain("segment abroad: applied.");
  });
});
