import { ApiError, type Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";

/** Flags as people work with them: definitions, the kill switch, rollouts, history. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
});
afterAll(() => here.close());

const boolean = (otherwise: object = { kind: "variant", variant: "on" }, more: object = {}) =>
  ({
    description: "The new form",
    owner: "growth",
    environments: { production: { isEnabled: false, off: "off", otherwise, ...more } },
  }) as Parameters<Client["putFlag"]>[0]["body"]["definition"];
const put = (flag: string, definition: ReturnType<typeof boolean>, more: object = {}) =>
  owner.putFlag({ params: { ...main, flag }, body: { definition, reason: "a test", ...more } });
const explain = (flag: string, context: Record<string, string> = { targetingKey: "u-1" }) =>
  owner.explainFlag({ params: { ...main, flag }, body: { environment: "production", context } });
const problemOf = async (asked: Promise<unknown>) => {
  const error = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error("it was not refused", { cause: error });
  return error.problem;
};

describe("a flag", () => {
  it("is off until it is turned on, and is in the ledger with who and why", async () => {
    const { flag, applied } = await put("form", boolean());
    expect(applied).toBe(true);
    expect(flag).toMatchObject({
      version: 1,
      manager: "console",
      environments: [{ words: "Off: everybody gets off." }],
    });
    expect(await explain("form")).toMatchObject({ variant: "off", value: false, reason: "DISABLED" });
    const on = await owner.switchFlag({
      params: { ...main, flag: "form" },
      body: { environment: "production", isEnabled: true, reason: "first users" },
    });
    expect(on).toMatchObject({ version: 2, environments: [{ isEnabled: true, words: "Everybody gets on." }] });
    expect(await explain("form")).toMatchObject({ variant: "on", value: true, reason: "STATIC" });
    const { items } = await owner.listLedger({ query: { subject: "flag/form" } });
    expect(items.map((entry) => entry.type)).toEqual(["flags.flag.switched", "flags.flag.created"]);
    expect(items[0]?.data).toMatchObject({ reason: "first users", version: 2 });
  });

  it("keeps its switch when the definition is applied again, and takes the new rules", async () => {
    await put("kept", boolean());
    await owner.switchFlag({
      params: { ...main, flag: "kept" },
      body: { environment: "production", isEnabled: true, reason: "on" },
    });
    const { flag } = await put("kept", boolean({ kind: "variant", variant: "off" }), { manager: "code" });
    expect(flag).toMatchObject({ manager: "code", environments: [{ isEnabled: true }] });
    expect(await explain("kept")).toMatchObject({ variant: "off" });
    // The console may not write what code writes; the switch works all the same.
    expect(await problemOf(put("kept", boolean()))).toMatchObject({ code: "LK_FLAG_MANAGED" });
    const off = await owner.switchFlag({
      params: { ...main, flag: "kept" },
      body: { environment: "production", isEnabled: false, reason: "harm" },
    });
    expect(off.environments[0]?.isEnabled).toBe(false);
    const again = await put("kept", boolean(), { manager: "code" });
    expect(again.flag?.environments[0]?.isEnabled).toBe(false);
  });

  it("is listed with what it decides where that is asked for, as it is shown alone", async () => {
    const rollout = { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 10 };
    for (const key of ["whole-1", "whole-2"]) await put(key, boolean(rollout));
    const environment = "production";
    const params = { ...main, flag: "whole-1" };
    await owner.switchFlag({ params, body: { environment, isEnabled: true, reason: "on" } });
    await owner.moveRollout({ params, body: { environment, rule: "otherwise", percent: 20, reason: "more" } });
    const query = { search: "whole-" };
    const { items } = await owner.listFlags({ params: main, query: { ...query, definitions: "true" } });
    for (const { key, definition, rollouts } of items) {
      const alone = await owner.getFlag({ params: { ...main, flag: key } });
      expect({ definition, rollouts }).toEqual({ definition: alone.definition, rollouts: alone.rollouts });
    }
    expect(items.map(({ key, rollouts }) => [key, rollouts?.[0]?.percent])).toEqual([
      ["whole-1", 20],
      ["whole-2", undefined],
    ]);
    const plain = await owner.listFlags({ params: main, query });
    expect(plain.items.map((one) => [one.key, "definition" in one])).toEqual([
      ["whole-1", false],
      ["whole-2", false],
    ]);
  });

  it("shows a difference before it is saved, and changes nothing then", async () => {
    await put("seen", boolean());
    const { applied, changes } = await put("seen", { ...boolean(), description: "Another" }, { dryRun: true });
    expect(applied).toBe(false);
    expect(changes).toEqual([{ path: "description", before: "The new form", after: "Another" }]);
    expect((await owner.getFlag({ params: { ...main, flag: "seen" } })).version).toBe(1);
  });

  it("refuses who wrote by an older version", async () => {
    await put("raced", boolean(), { ifVersion: 0 });
    expect(await problemOf(put("raced", boolean(), { ifVersion: 0 }))).toMatchObject({
      code: "LK_FLAG_CHANGED",
      detail: 'The flag "raced" is at version 1, not 0.',
    });
  });

  it("names the field of what can't be", async () => {
    const wrong = [
      [boolean({ kind: "variant", variant: "blue" }), "definition.environments.production.otherwise.variant"],
      [boolean(undefined, { off: "grey" }), "definition.environments.production.off"],
      [
        boolean(undefined, { prerequisites: [{ flag: "nowhere", variants: ["on"] }] }),
        "definition.environments.production.prerequisites.0.flag",
      ],
      [
        boolean(undefined, { prerequisites: [{ flag: "wrong", variants: ["on"] }] }),
        "definition.environments.production.prerequisites.0.flag",
      ],
      [
        boolean({
          kind: "split",
          shares: [
            { variant: "on", percent: 50 },
            { variant: "off", percent: 40 },
          ],
        }),
        "definition.environments.production.otherwise.shares",
      ],
    ] as const;
    for (const [definition, field] of wrong) {
      const problem = await problemOf(put("wrong", definition));
      expect(problem).toMatchObject({ code: "LK_INVALID" });
      expect(problem.fields?.map((one) => one.field)).toContain(field);
    }
    expect(await problemOf(owner.getFlag({ params: { ...main, flag: "wrong" } }))).toMatchObject({
      code: "LK_NOT_FOUND",
    });
  });

  it("goes back to any version with one request, switches too", async () => {
    await put("back", boolean());
    await owner.switchFlag({
      params: { ...main, flag: "back" },
      body: { environment: "production", isEnabled: true, reason: "on" },
    });
    await put("back", boolean({ kind: "variant", variant: "off" }));
    const restored = await owner.restoreFlag({
      params: { ...main, flag: "back" },
      body: { version: 1, reason: "wrong" },
    });
    expect(restored).toMatchObject({ version: 4, environments: [{ isEnabled: false }] });
    expect(restored.definition.environments?.production?.otherwise).toEqual({ kind: "variant", variant: "on" });
    const { items } = await owner.listFlagVersions({ params: { ...main, flag: "back" } });
    expect(items.map(({ version, verb }) => [version, verb])).toEqual([
      [4, "restored"],
      [3, "changed"],
      [2, "switched"],
      [1, "created"],
    ]);
  });
});

describe("a rollout", () => {
  it("is moved, held and killed without touching the definition", async () => {
    const rollout = { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 1 };
    await put("ramp", boolean(rollout, { isEnabled: true }));
    const params = { ...main, flag: "ramp" };
    const move = (body: object) =>
      owner.moveRollout({ params, body: { environment: "production", rule: "otherwise", reason: "go", ...body } });
    expect((await move({ percent: 40 })).environments[0]?.words).toBe("On for 40 %, else off.");
    const users = Array.from({ length: 300 }, (_, i) => `u-${i}`);
    const { secret } = await owner.createFlagKey({ params: main, body: { name: "ramp", environment: "production" } });
    const valueFor = async (targetingKey: string) => {
      const answer = await fetch(`${here.url}/ofrep/v1/evaluate/flags/ramp`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": secret },
        body: JSON.stringify({ context: { targetingKey } }),
      });
      return ((await answer.json()) as { value: unknown }).value;
    };
    const has = async () => {
      const values = await Promise.all(users.map(valueFor));
      return users.filter((_, i) => values[i] === true);
    };
    const some = await has();
    expect(some.length).toBeGreaterThan(80);
    expect(some.length).toBeLessThan(160);
    await move({ percent: 60 });
    const more = await has();
    expect(some.filter((user) => !more.includes(user))).toEqual([]);
    await put("ramp", { ...boolean(rollout, { isEnabled: true }), description: "again" });
    expect((await owner.getFlag({ params })).rollouts).toMatchObject([{ percent: 60, state: "running" }]);
    expect((await move({ state: "killed" })).environments[0]?.words).toBe("Everybody gets off.");
    expect(await has()).toEqual([]);
    expect(await problemOf(move({ percent: 10 }))).toMatchObject({ code: "LK_INVALID" });
  });
});

describe("segments and the archive", () => {
  it("are shared by flags, and stay as long as one names them", async () => {
    const condition = { kind: "attribute", attribute: "country", operator: "in", values: ["DE", "AT"] } as const;
    const params = { ...main, segment: "abroad" };
    await owner.putFlagSegment({ params, body: { description: "Abroad", when: condition, reason: "a test" } });
    const rules = [
      { id: "abroad", when: { kind: "segment", segment: "abroad" }, serve: { kind: "variant", variant: "on" } },
    ];
    await put("market", boolean({ kind: "variant", variant: "off" }, { isEnabled: true, rules }));
    expect(await explain("market", { country: "DE" })).toMatchObject({ variant: "on", rule: "abroad" });
    expect(await explain("market", { country: "US" })).toMatchObject({ variant: "off", rule: null });
    expect(await problemOf(owner.deleteFlagSegment({ params }))).toMatchObject({
      detail: 'segment: "abroad" is named by market.',
    });
    await owner.archiveFlag({ params: { ...main, flag: "market" }, body: { archived: true, reason: "done" } });
    expect(await explain("market", { country: "DE" })).toMatchObject({ errorCode: "FLAG_NOT_FOUND" });
    await owner.deleteFlagSegment({ params });
    // What it names is gone: it can't come back.
    const back = owner.archiveFlag({ params: { ...main, flag: "market" }, body: { archived: false, reason: "back" } });
    expect(await problemOf(back)).toMatchObject({ code: "LK_INVALID" });
  });
});
