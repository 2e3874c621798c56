import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../testkit/contract-server.ts";
import * as flags from "../testkit/flag-examples.ts";
import { Bench } from "../testkit/terminal.ts";

const bench = new Bench();
beforeAll(() => bench.start());
afterAll(() => bench.stop());

const FLAGD = {
  flags: {
    headerColor: {
      ...{ state: "ENABLED", variants: { red: "#f00", blue: "#00f" }, defaultVariant: "red" },
      targeting: { fractional: [{ var: "targetingKey" }, ["red", 1], ["blue", 1]] },
    },
    broken: { state: "ENABLED", variants: { on: true }, targeting: { nope: [1] } },
  },
};
const put = () => bench.server.asked.filter((asked) => asked.name === "putFlag").map((asked) => asked.body as Body);
interface Body {
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly definition: {
    readonly salt: string;
    readonly owner: string;
    readonly environments: Record<string, unknown>;
  };
}

describe("latchkey flags import", () => {
  beforeEach(() => {
    bench.server.asked.length = 0;
    bench.agrees = null;
    bench.server.answers = {
      getFlag: () => new Refusal(404, "LK_NOT_FOUND"),
      putFlag: () => ({
        flag: null,
        applied: false,
        needsApproval: [],
        changes: [{ path: "variants", before: null, after: {} }],
      }),
    };
    writeFileSync(join(bench.dir, "flags.json"), JSON.stringify(FLAGD));
  });
  it("shows what would change and what is left out, and changes nothing before somebody agrees", async () => {
    const { exitCode, out, err } = await bench.run("flags", "import", "flags.json", "--from", "flagd");
    expect(out).toContain("headerColor is new: red, blue");
    expect(out).toContain('Left out: flags.broken.targeting.nope: flagd has no operator "nope"');
    expect([exitCode, err]).toEqual([2, expect.stringContaining("nobody is there to agree")]);
    expect(put().map((body) => body.dryRun)).toEqual([true]);
    bench.agrees = false;
    expect((await bench.run("flags", "import", "flags.json", "--from", "flagd")).out).toContain("Left as it was.");
    expect(put().every((body) => body.dryRun)).toBe(true);
  });
  it("takes over with a reason, and tells by its exit code that something was left out", async () => {
    const { exitCode } = await bench.run(
      ...[
        "flags",
        "import",
        "flags.json",
        "--from",
        "flagd",
        "--environment",
        "staging",
        "--yes",
        "--reason",
        "moving",
      ],
    );
    expect(exitCode).toBe(3);
    expect(put().at(-1)).toMatchObject({
      reason: "moving",
      definition: {
        environments: {
          staging: { isEnabled: true, otherwise: { kind: "logic", logic: FLAGD.flags.headerColor.targeting } },
        },
      },
    });
  });
  it("leaves other environments and the owner of a flag that is there", async () => {
    bench.server.answers = {
      getFlag: () => flags.flag,
      putFlag: () => ({
        flag: flags.flag,
        applied: true,
        needsApproval: [],
        changes: [{ path: "variants", before: null, after: {} }],
      }),
    };
    await bench.run("flags", "import", "flags.json", "--from", "flagd", "--environment", "staging", "--yes");
    const { definition } = put().at(-1) as Body;
    expect(Object.keys(definition.environments).sort()).toEqual(["production", "staging"]);
    expect(definition.owner).toBe("growth");
  });
  describe("of several flags", () => {
    const flagd = (key: string) => [key, { state: "ENABLED", variants: { [key]: 1, other: 2 }, defaultVariant: key }];
    const keys = ["first", "second", "third"];
    const run = () => bench.run("flags", "import", "flags.json", "--from", "flagd", "--yes");
    const held = new Map<string, unknown>();
    let refusal: Refusal | null = null;
    beforeEach(() => {
      held.clear();
      writeFileSync(join(bench.dir, "flags.json"), JSON.stringify({ flags: Object.fromEntries(keys.map(flagd)) }));
      bench.server.answers = {
        getFlag: ({ params: { flag = "" } }) =>
          held.has(flag) ? { ...flags.flag, key: flag } : new Refusal(404, "LK_NOT_FOUND"),
        putFlag: ({ params: { flag = "" }, body }) => {
          const { dryRun, definition } = body as Body;
          const isThere = held.has(flag);
          if (!dryRun && flag === "second" && refusal) return refusal;
          if (!dryRun) held.set(flag, definition);
          return {
            ...{ flag: isThere ? { ...flags.flag, key: flag } : null, applied: !dryRun, needsApproval: [] },
            changes: isThere ? [] : [{ path: "variants", before: null, after: {} }],
          };
        },
      };
    });
    it("stops at the first that is refused, says which were written, and goes on from there when it is run again", async () => {
      refusal = new Refusal(409, "LK_FLAG_APPROVAL", "A second person has to agree.", [{ field: "x", message: "y" }]);
      const { exitCode, err } = await run();
      expect(exitCode).toBe(1);
      for (const words of [
        ...["second was refused: A second person has to agree.", "x: y", "Written: first.\n"],
        ...["Not written: second, third.", "Do something else. Then run it again", "what was written is left"],
      ])
        expect(err).toContain(words);
      expect([...held.keys()]).toEqual(["first"]);
      refusal = null;
      bench.server.asked.length = 0;
      const again = await run();
      expect(again).toMatchObject({ exitCode: 0, err: "" });
      expect(again.out).toContain("first: nothing to change.");
      expect([...held.keys()]).toEqual(keys);
      expect(put().filter((body) => !body.dryRun)).toHaveLength(2);
    });
    it("does not claim to know of one that was not answered", async () => {
      refusal = new Refusal(500, "LK_INTERNAL", "It broke.");
      const { err } = await run();
      expect(err).toContain("second was not answered: It broke.");
      expect(err).toContain("Whether second was written is not known.");
      expect(err).toContain("Not written: third.");
    });
  });
  it("names a file that is none, and a system that it does not know", async () => {
    expect((await bench.run("flags", "import", "gone.json", "--from", "flagd")).err).toContain("gone.json");
    expect((await bench.run("flags", "import", "flags.json", "--from", "x")).err).toContain("flagd, unleash");
  });
});

describe("latchkey flags export", () => {
  it("prints flagd JSON with rollouts where they stand", async () => {
    bench.server.answers = {
      listFlags: () => ({ items: [flags.flagSummary], next: null }),
      getFlag: () => flags.flag,
      listFlagSegments: () => ({ items: [] }),
    };
    const { out, exitCode } = await bench.run("flags", "export");
    const written = JSON.parse(out) as { flags: Record<string, { targeting: object }> };
    expect(exitCode).toBe(0);
    expect(JSON.stringify(written.flags["new-lead-form"]?.targeting)).toContain('["on",25000],["off",75000]');
    expect((await bench.run("flags", "export", "--environment", "nowhere")).err).toContain('No flag is in "nowhere"');
  });
  it("asks once for a page of flags, and not once for each", async () => {
    bench.server.asked.length = 0;
    const { definition, rollouts } = flags.flag;
    const listed = (key: string) => ({ ...flags.flagSummary, key, definition, rollouts });
    let pages = 0;
    bench.server.answers = {
      listFlags: () =>
        pages++ === 0 ? { items: [listed("a"), listed("b")], next: "b" } : { items: [listed("c")], next: null },
      listFlagSegments: () => ({ items: [] }),
    };
    const { out } = await bench.run("flags", "export");
    expect(Object.keys((JSON.parse(out) as { flags: object }).flags)).toEqual(["a", "b", "c"]);
    expect(bench.server.asked.map(({ name }) => name)).toEqual(["listFlags", "listFlags", "listFlagSegments"]);
  });
});
