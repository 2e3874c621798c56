import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FlagDesk } from "../testing/flag-desk.ts";
import { Journey, type RolloutView } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** Flags that were changed along with a release go back with it. */
const CONFIG = { strategy: { kind: "all_at_once", batch: { when: "off" } } } as const;
let journey: Journey;
let desk: FlagDesk;
beforeAll(async () => {
  journey = await Journey.begin(CONFIG);
  desk = new FlagDesk(journey.owner);
  await journey.shipFirst();
});
afterAll(() => journey.end());

const params = () => ({ project: "main", service: journey.workload.name });
const place = { environment: "production" };
const plan = () => journey.owner.planRollback({ params: params(), query: place });
const rollBack = (more: object) =>
  journey.owner.rollBack({ params: params(), body: { ...place, reason: "wrong prices", ...more } });
const shipped = async () =>
  journey.drive(await journey.rolloutOf(await journey.ship({}, { ifBusy: "queue" })), {}, "completed");
const ended = async (id: string) => journey.drive(await journey.rolloutOf(id), {}, "completed");

describe("a rollback with flags", () => {
  it("puts back what was changed since the rollout began, in its environment and nowhere else", async () => {
    for (const flag of ["form", "menu", "untouched", "gone"]) await desk.put(flag);
    await desk.put("slow", { percent: 1 });
    await desk.move("slow", { percent: 5 });
    await shipped();
    await desk.put("form", { serves: "off" });
    await desk.turn("menu", false);
    await desk.move("slow", { percent: 60 });
    await desk.put("newer");
    await desk.turn("gone", false);
    await desk.archive("gone");

    const seen = await plan();
    expect(seen.flags?.words).toMatch(/^5 flags changed here since the rollout began: form, gone, menu, newer, slow\./);
    expect(seen.cautions.join(" ")).toContain("gone can't be put back: it is archived.");
    const made = await rollBack({ withFlags: true });
    expect(made.flags?.putBack.map((one) => one.flag)).toEqual(["form", "menu", "slow"]);
    expect(made.flags?.left).toEqual([
      { flag: "gone", words: "it is archived" },
      { flag: "newer", words: "it was created since: there is nothing to put it back to" },
    ]);
    expect(await desk.words("form")).toBe("Everybody gets on.");
    expect(await desk.words("form", "staging")).toBe("Everybody gets off.");
    expect(await desk.words("menu")).toBe("Everybody gets on.");
    expect(await desk.words("slow")).toContain("running at 5 %");
    expect((await desk.see("untouched")).version).toBe(1);

    // Each is in its history and in the ledger, with the rollback that did it.
    const entries = await until("the ledger has them", async () => {
      const { items } = await journey.owner.listLedger({ query: { type: "flags.flag.restored" } });
      return items.length === 3 && items;
    });
    for (const entry of entries) expect(entry).toMatchObject({ correlation: made.id, data: { withRollback: made.id } });
    expect((await journey.deployment(made.id)).flags?.words).toMatch(/^3 flags put back: form, menu, slow\./);
    const { items } = await journey.owner.listFlagVersions({ params: { project: "main", flag: "form" }, query: {} });
    expect(items[0]).toMatchObject({ verb: "restored", reason: `Rollback ${made.id}: wrong prices` });
    await ended(made.id);
  });

  it("leaves a flag that somebody has changed since the plan was looked at", async () => {
    await desk.put("raced");
    await desk.put("steady");
    await shipped();
    for (const flag of ["raced", "steady"]) await desk.turn(flag, false);
    const seen = await plan();
    const flagVersions = Object.fromEntries((seen.flags?.items ?? []).map((item) => [item.flag, item.version]));
    await desk.put("raced", { serves: "off" });
    const made = await rollBack({ withFlags: true, flagVersions });
    expect(made.flags?.left).toEqual([{ flag: "raced", words: expect.stringContaining("changed it meanwhile") }]);
    expect(await desk.words("raced")).toBe("Off: everybody gets off.");
    expect(await desk.words("steady")).toBe("Everybody gets on.");
    await ended(made.id);
  });

  it("that is not asked for changes no flag, and says which have changed", async () => {
    await desk.put("kept");
    await shipped();
    await desk.turn("kept", false);
    const made = await rollBack({});
    expect(made.flags).toBeNull();
    expect(await desk.words("kept")).toBe("Off: everybody gets off.");
    await ended(made.id);
  });

  it("puts back flags that need each other, in whichever order that takes", async () => {
    const need = (flag: string) => ({ prerequisites: [{ flag, variants: ["on"] }] });
    const put = (flag: string, more: object) =>
      journey.owner.putFlag({
        params: { project: "main", flag },
        body: {
          definition: {
            environments: { production: { isEnabled: true, otherwise: { kind: "variant", variant: "on" }, ...more } },
          } as Parameters<typeof journey.owner.putFlag>[0]["body"]["definition"],
          reason: "a test",
        },
      });
    await put("b", {});
    await put("a", need("b"));
    await shipped();
    await put("a", {});
    await put("b", need("a"));
    const made = await rollBack({ withFlags: true });
    expect(made.flags?.putBack.map((one) => one.flag).sort()).toEqual(["a", "b"]);
    const rules = (await desk.see("a")).definition.environments.production;
    expect(rules?.prerequisites).toEqual([{ flag: "b", variants: ["on"] }]);
    await ended(made.id);
  });
});

describe("where flags need a second person", () => {
  const protect = (needsApproval: boolean) =>
    journey.owner.putFlagEnvironment({
      params: { project: "main", environment: "production" },
      body: { needsApproval, reason: "a test" },
    });
  it("a rollback puts back what held, but turns nothing on that was switched off since", async () => {
    for (const flag of ["agreed", "stopped"]) await desk.put(flag);
    await shipped();
    await desk.put("agreed", { serves: "off" });
    await desk.turn("stopped", false);
    await protect(true);
    try {
      const made = await rollBack({ withFlags: true });
      expect(made.flags?.putBack.map((one) => one.flag)).toEqual(["agreed"]);
      expect(made.flags?.left).toEqual([{ flag: "stopped", words: "it was switched off since, and stays off" }]);
      await ended(made.id);
    } finally {
      await protect(false);
    }
  });
});

describe("a rollback by Latchkey itself", () => {
  let canary: RolloutView;
  const begin = async (withFlags: boolean): Promise<void> => {
    await journey.workload.apply({ ...CONFIG, rollback: { withFlags } });
    canary = await journey.shipCanary({}, { strategy: "canary", ifBusy: "queue" });
  };
  const harm = async (): Promise<void> => {
    await journey.drive(canary.id, { canary: { errorRatio: 0.5 } }, "rolled_back");
  };
  beforeEach(async () => {
    for (const flag of ["look", "first-aid"]) await desk.put(flag);
    await desk.put("grows", { percent: 1 });
  });

  it("puts flags back where the service is configured so, and turns nothing on that was switched off", async () => {
    await begin(true);
    await desk.put("look", { serves: "off" });
    await desk.turn("first-aid", false);
    await desk.move("grows", { percent: 50 });
    await harm();
    expect(await desk.words("look")).toBe("Everybody gets on.");
    expect(await desk.words("grows")).toContain("running at 1 %");
    expect(await desk.words("first-aid")).toBe("Off: everybody gets off.");
    const { flags } = await journey.deployment(canary.deploymentId);
    expect(flags?.left).toEqual([{ flag: "first-aid", words: "it was switched off since, and stays off" }]);
    await desk.turn("first-aid", true);
  });

  it("leaves them where it is not", async () => {
    await begin(false);
    await desk.put("look", { serves: "off" });
    await harm();
    expect(await desk.words("look")).toBe("Everybody gets off.");
    expect((await journey.deployment(canary.deploymentId)).flags).toBeNull();
  });
});
