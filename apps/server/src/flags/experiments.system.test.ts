import type { Client } from "@latchkey/api/client";
import { armOf, bucketOf } from "@latchkey/core/flags/buckets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

/** Rollouts as experiments, as applications report and people see them: a real server on a real PostgreSQL. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
const key = { server: "", browser: "" };
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
  const make = (kind: "server" | "browser") =>
    owner.createFlagKey({ params: main, body: { name: kind, environment: "production", kind } });
  Object.assign(key, { server: (await make("server")).secret, browser: (await make("browser")).secret });
});
afterAll(() => here.close());

const put = (flag: string, otherwise: object, more: object = {}) =>
  owner.putFlag({
    params: { ...main, flag },
    body: {
      definition: {
        environments: { production: { isEnabled: true, off: "off", otherwise } },
        ...more,
      } as never,
      reason: "a test",
    },
  });
const rollout = (percent: number, more: object = {}) => ({
  ...{ kind: "rollout", variant: "on", against: "off", percent },
  ...more,
});
const report = (what: "exposures" | "events", items: readonly object[], given = key.server) =>
  fetch(`${here.url}/flags/v1/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${given}` },
    body: JSON.stringify({ [what]: items }),
  });

/** Users of an arm at a percentage, by the same rule as the evaluation. */
function usersOf(flag: string, arm: "treated" | "control", percent: number, n: number, from = 0): string[] {
  const bucket = bucketOf("targetingKey", flag, "flagd-2");
  const found: string[] = [];
  for (let i = from; found.length < n; i++) {
    const targetingKey = `u-${i}`;
    if (armOf(bucket({ targetingKey }) ?? -1, percent) === arm) found.push(targetingKey);
  }
  return found;
}
const met = (flag: string, users: readonly string[], variant: string) =>
  users.map((user) => ({ flag, variant, rule: "otherwise", key: user }));
const meetBoth = async (flag: string, percent: number, n: number) => {
  const [treated, control] = [usersOf(flag, "treated", percent, n), usersOf(flag, "control", percent, n)];
  // Both arms at once, as users come: one arm alone would be a mismatch.
  const each = 500;
  for (let i = 0; i < n; i += each) {
    const items = [...met(flag, treated.slice(i, i + each), "on"), ...met(flag, control.slice(i, i + each), "off")];
    expect((await report("exposures", items)).status).toBe(202);
  }
  return { treated, control };
};
const resultOf = async (flag: string) => {
  const { items } = await owner.getFlagResults({ params: { ...main, flag } });
  const [first] = items;
  if (!first) throw new Error(`${flag} has no rollout`);
  return first;
};
const typesOf = async (flag: string) =>
  (await owner.listLedger({ query: { subject: `flag/${flag}` } })).items.map((entry) => entry.type);

describe("exposures", () => {
  it("are counted once for each user and arm, by the server's own rules", async () => {
    await put("counted", rollout(10));
    const { treated, control } = await meetBoth("counted", 10, 30);
    // Told again, of neither arm, with what that arm does not get, of a rule that there is not.
    const bucket = bucketOf("targetingKey", "counted", "flagd-2");
    const neither = Array.from({ length: 300 }, (_, i) => `n-${i}`).filter(
      (targetingKey) => armOf(bucket({ targetingKey }) ?? -1, 10) === "neither",
    );
    const again = await report("exposures", [
      ...met("counted", treated, "on"),
      ...met("counted", control, "on"),
      ...met("counted", neither, "off"),
      { flag: "counted", variant: "on", rule: "elsewhere", key: "u-1" },
      { flag: "nowhere", variant: "on", rule: "otherwise", key: "u-1" },
    ]);
    expect(await again.json()).toEqual({ accepted: 60 + neither.length + 1 });
    expect((await resultOf("counted")).exposed).toEqual({ treated: 30, control: 30 });
    // No user's key is in the database in clear.
    const rows = await here.database.owner.pool.query("select encode(key_hash, 'escape') as k from flag_exposure");
    expect(rows.rows.some((row: { k: string }) => /u-\d/.test(row.k))).toBe(false);
  });

  it("are refused with the field that is wrong, and without a key; a page reports of public flags only", async () => {
    const wrong = await report("exposures", [{ flag: "counted", variant: "on", rule: "otherwise", key: "" }]);
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { fields: [{ field: "exposures.0.key" }] }]);
    const many = await report("exposures", met("counted", new Array<string>(1_001).fill("u"), "on"));
    expect([many.status, await many.json()]).toMatchObject([400, { fields: [{ field: "exposures" }] }]);
    const event = await report("events", [{ metric: "errors", key: "u-1", isBad: "yes" }]);
    expect([event.status, await event.json()]).toMatchObject([400, { fields: [{ field: "events.0.isBad" }] }]);
    expect((await report("exposures", [], "lk_wrong")).status).toBe(401);
    const page = await report("exposures", met("counted", ["u-1"], "on"), key.browser);
    expect(await page.json()).toEqual({ accepted: 0 });
    expect(page.headers.get("access-control-allow-origin")).toBe("*");
  });
});

describe("a page", () => {
  it("moves no rollout of a flag that is not public, even where a public one watches the same metric", async () => {
    await put("shown", rollout(50), { isPublic: true });
    await put("hidden", rollout(50));
    const user = usersOf("hidden", "treated", 50, 1)[0] ?? "";
    // Each user is of an arm of both, and of neither it is told yet that they met it.
    const at = new Date(Date.now() - 1_000).toISOString();
    const sent = await report("events", [{ metric: "errors", key: user, isBad: true }], key.browser);
    expect(sent.status).toBe(202);
    await report("exposures", [{ ...met("hidden", [user], "on")[0], at }]);
    const isOn = usersOf("shown", "treated", 50, 1_000).includes(user);
    await report("exposures", [{ ...met("shown", [user], isOn ? "on" : "off")[0], at }]);
    const hits = async (flag: string) => (await resultOf(flag)).guardrails[0];
    expect((await resultOf("hidden")).exposed).toEqual({ treated: 1, control: 0 });
    expect(await hits("hidden")).toMatchObject({ metric: "errors", treated: 0, control: 0 });
    expect(await hits("shown")).toMatchObject({ metric: "errors", [isOn ? "treated" : "control"]: 1 });
  });
});

describe("a rollout by steps", () => {
  const ramp = { kind: "steps", steps: [1, 5, 25].map((percent) => ({ percent, holdMs: 0 })) };
  it("goes on with users enough and no harm, and each step is in the ledger with its evidence", async () => {
    await put("steps", rollout(0, { ramp, experiment: { minExposures: 20 } }));
    await until("it takes its first step", async () => (await resultOf("steps")).percent === 1);
    expect((await resultOf("steps")).next).toBe("Waits for users: 0 of 20 in each arm at this step.");
    await meetBoth("steps", 1, 20);
    await until("it steps on", async () => (await resultOf("steps")).percent === 5);
    await meetBoth("steps", 5, 45);
    await until("it comes to its end", async () => (await resultOf("steps")).state === "done");
    expect((await resultOf("steps")).percent).toBe(25);
    await until("the ledger has it", async () => (await typesOf("steps")).length === 4);
    expect(await typesOf("steps")).toEqual([
      ...["flags.rollout.stepped", "flags.rollout.stepped", "flags.rollout.stepped", "flags.flag.created"],
    ]);
    const { items } = await owner.listLedger({ query: { subject: "flag/steps" } });
    expect(items[0]?.data).toMatchObject({
      decision: "step",
      evidence: { mismatch: { isMismatched: false }, plan: { alpha: 0.01 }, arms: { control: { metrics: {} } } },
    });
  });

  it("waits where a person holds it, and goes on from where a person puts it", async () => {
    await put("held", rollout(1, { ramp, experiment: { minExposures: 5 } }));
    const move = (body: object) =>
      owner.moveRollout({
        params: { ...main, flag: "held" },
        body: { environment: "production", reason: "x", ...body },
      });
    await move({ state: "held" });
    await meetBoth("held", 1, 10);
    // Rounds pass: another rollout, made later, takes its step meanwhile.
    await put("later", rollout(0, { ramp }));
    await until("another one moves", async () => (await resultOf("later")).percent === 1);
    expect(await resultOf("held")).toMatchObject({ percent: 1, state: "held" });
    await move({ state: "running", percent: 5 });
    await meetBoth("held", 5, 40);
    await until("it goes on from there", async () => (await resultOf("held")).percent === 25);
  });
});

describe("a ramp by the clock", () => {
  it("stays where it has come to when a person holds it, or kills it", async () => {
    const [from, until] = [-3_600_000, 3_600_000].map((ms) => new Date(Date.now() + ms).toISOString());
    await put("clock", rollout(0, { ramp: { kind: "time", from, until, toPercent: 100 } }));
    const body = { environment: "production", reason: "x", state: "held" } as const;
    const { rollouts } = await owner.moveRollout({ params: { ...main, flag: "clock" }, body });
    expect(rollouts).toMatchObject([{ state: "held" }]);
    expect(rollouts[0]?.percent).toBeGreaterThanOrEqual(50);
    expect(rollouts[0]?.percent).toBeLessThan(60);
  });
});

describe("harm", () => {
  it("kills a rollout as soon as it is reported: everybody is answered the other variant", async () => {
    await put("harmful", rollout(10));
    const { treated, control } = await meetBoth("harmful", 10, 200);
    const ask = () =>
      fetch(`${here.url}/ofrep/v1/evaluate/flags/harmful`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key.server}` },
        body: JSON.stringify({ context: { targetingKey: treated[0] } }),
      }).then(async (answer) => ((await answer.json()) as { variant: string }).variant);
    expect(await ask()).toBe("on");
    // One user's many errors are one user; errors of who never met the flag are nobody's.
    const one = treated[0] ?? "";
    await report("events", new Array<object>(500).fill({ metric: "errors", key: one, isBad: true }));
    await report(
      "events",
      ["s-1", "s-2"].flatMap((user) => ({ metric: "errors", key: user, isBad: true })),
    );
    expect(await resultOf("harmful")).toMatchObject({ state: "running", guardrails: [{ treated: 1, control: 0 }, {}] });
    await report(
      "events",
      control.slice(0, 2).map((user) => ({ metric: "errors", key: user, isBad: true })),
    );
    await report(
      "events",
      treated.slice(0, 25).map((user) => ({ metric: "errors", key: user, isBad: true })),
    );
    await until("it is killed", async () => (await resultOf("harmful")).state === "killed");
    expect(await ask()).toBe("off");
    const killed = await resultOf("harmful");
    expect(killed).toMatchObject({ advice: "killed", percent: 0 });
    expect(killed.words).toMatch(/^Killed: errors: 25 of 200 treated users were hurt and 2 of 200 of the control/);
    await until("the ledger has it", async () => (await typesOf("harmful"))[0] === "flags.rollout.killed");
    // Who resumes it begins to count anew.
    await owner.moveRollout({
      params: { ...main, flag: "harmful" },
      body: { environment: "production", state: "running", reason: "mended" },
    });
    expect(await resultOf("harmful")).toMatchObject({ state: "running", exposed: { treated: 0, control: 0 } });
  });

  it("is measured by a threshold where events have values, and only after the user met the flag", async () => {
    const experiment = { guardrails: [{ metric: "latency", over: 800 }], goals: [] };
    await put("slow", rollout(10, { experiment }));
    const { treated, control } = await meetBoth("slow", 10, 100);
    const before = new Date(Date.now() - 3_600_000).toISOString();
    const events = (users: readonly string[], value: number, more: object = {}) =>
      report(
        "events",
        users.map((user) => ({ metric: "latency", key: user, value, ...more })),
      );
    await events(treated, 2_000, { at: before });
    await events(treated, 300);
    await events(control, 800);
    expect((await resultOf("slow")).guardrails).toMatchObject([{ treated: 0, control: 0, state: "well" }]);
    await events(treated.slice(0, 30), 801);
    await until("it is killed", async () => (await resultOf("slow")).state === "killed");
  });
});

describe("reports in another order", () => {
  it("count all the same: what happened after a user met the flag, told before that was", async () => {
    await put("early", rollout(10));
    // Users of whom no other test told anything.
    const usersOfArm = (arm: "treated" | "control") => usersOf("early", arm, 10, 100, 1_000_000);
    const [treated, control] = [usersOfArm("treated"), usersOfArm("control")];
    const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1_000).toISOString();
    const errors = (users: readonly string[], when: string) =>
      report(
        "events",
        users.map((user) => ({ metric: "errors", key: user, isBad: true, at: when })),
      );
    await errors(treated.slice(0, 5), at(10));
    // Before they met it: nothing that the flag did.
    await errors(treated.slice(5, 10), at(100));
    await errors(control.slice(0, 2), at(10));
    // Of neither arm, and of no metric that is watched.
    await report("events", [{ metric: "unwatched", key: treated[0] ?? "", isBad: true }]);
    expect((await resultOf("early")).guardrails[0]).toMatchObject({ treated: 0, control: 0 });
    const told = [...met("early", treated, "on"), ...met("early", control, "off")].map((one) => ({
      ...one,
      at: at(60),
    }));
    for (let i = 0; i < 2; i++) expect((await report("exposures", told)).status).toBe(202);
    expect((await resultOf("early")).guardrails[0]).toMatchObject({ treated: 5, control: 2 });
    // And what comes now counts at once.
    await errors(treated.slice(10, 12), at(1));
    expect((await resultOf("early")).guardrails[0]).toMatchObject({ treated: 7, control: 2 });
  });
});

describe("arms that are filled unalike", () => {
  it("hold a rollout for a person, whatever the guardrails say", async () => {
    await put("mixed", rollout(10));
    await report("exposures", met("mixed", usersOf("mixed", "treated", 10, 60), "on"));
    await until("it is held", async () => (await resultOf("mixed")).state === "held");
    expect(await resultOf("mixed")).toMatchObject({ advice: "held", isMismatched: true, percent: 10 });
    await until("the ledger has it", async () => (await typesOf("mixed"))[0] === "flags.rollout.held");
    await owner.moveRollout({
      params: { ...main, flag: "mixed" },
      body: { environment: "production", state: "running", reason: "the client was mended" },
    });
    expect(await resultOf("mixed")).toMatchObject({ state: "running", isMismatched: false });
  });
});

describe("a goal", () => {
  it("is told with its interval, what to do, and how long that takes", async () => {
    const experiment = { goals: [{ metric: "signup" }, { metric: "spent", kind: "mean" }] };
    await put("goal", rollout(50, { experiment }));
    const { treated, control } = await meetBoth("goal", 50, 1_000);
    const did = (users: readonly string[], more: object) =>
      report(
        "events",
        users.map((user) => ({ key: user, ...more })),
      );
    await did(treated.slice(0, 400), { metric: "signup" });
    await did(control.slice(0, 200), { metric: "signup" });
    await did(treated.slice(0, 400), { metric: "spent", value: 10 });
    await did(treated.slice(0, 100), { metric: "spent", value: 5 });
    await did(control.slice(0, 200), { metric: "spent", value: 10 });
    const result = await resultOf("goal");
    expect(result).toMatchObject({ advice: "ship", goals: [{ treated: 0.4, control: 0.2, advice: "ship" }, {}] });
    expect(result.goals[0]?.percent).toBeCloseTo(100, 6);
    expect(result.goals[1]).toMatchObject({ treated: 4.5, control: 2, advice: "ship" });
    await until("a picture has its first point", async () => (await resultOf("goal")).points.length > 0);
  });
  it("that is named twice is refused by its field", async () => {
    const experiment = { guardrails: [{ metric: "errors" }], goals: [{ metric: "errors" }] };
    await expect(put("twice", rollout(10, { experiment }))).rejects.toMatchObject({
      problem: { fields: [{ field: "definition.environments.production.otherwise.experiment.goals.0.metric" }] },
    });
  });
  it("that changes begins another comparison", async () => {
    await put("changed", rollout(10));
    await meetBoth("changed", 10, 30);
    expect((await resultOf("changed")).exposed.treated).toBe(30);
    await put("changed", rollout(10, { experiment: { guardrails: [{ metric: "crashes" }] } }));
    expect((await resultOf("changed")).exposed.treated).toBe(0);
    await until("the new one is counted", async () => {
      await meetBoth("changed", 10, 12);
      return (await resultOf("changed")).exposed.treated === 12;
    });
  });
});

describe("the health of flags", () => {
  it("is counted from what was asked for and met, and is what the list is filtered by", async () => {
    await put("asked", { kind: "variant", variant: "on" });
    await put("unasked", { kind: "variant", variant: "on" });
    await put("over", { kind: "variant", variant: "on" }, { expires: "2020-01-31" });
    const ask = () =>
      fetch(`${here.url}/ofrep/v1/evaluate/flags/asked`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key.server}` },
        body: "{}",
      });
    for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(200);
    await report("exposures", [{ flag: "asked", variant: "on", rule: "otherwise", key: "u-1" }]);
    // A stop writes what is counted in memory.
    await here.stop();
    await here.start({ writesPerSecond: 1_000 });
    owner = here.owner;
    const { served } = await owner.getFlag({ params: { ...main, flag: "asked" } });
    expect(served).toEqual([{ environment: "production", variant: "on", evaluations: 3, exposures: 1 }]);
    const listed = async (health: "in_use" | "new" | "never_evaluated" | "one_sided" | "stale", limit = 50) => {
      const query = { health, limit, archived: "false" as const };
      return (await owner.listFlags({ params: main, query })).items.map((flag) => flag.key);
    };
    expect(await listed("stale")).toEqual(["over"]);
    expect(await listed("stale", 1)).toEqual(["over"]);
    expect(await listed("in_use")).toContain("asked");
    expect(await listed("new")).toContain("unasked");
    // Both are a month old by now, and everybody had the same of one.
    await here.database.owner.pool.query(
      "update flag set created_at = now() - interval '30 days' where key = any('{asked,unasked}')",
    );
    await here.database.owner.pool.query("update flag_variant_day set evaluations = 5000 where flag = 'asked'");
    expect(await listed("never_evaluated")).toEqual(["unasked"]);
    expect(await listed("one_sided")).toEqual(["asked"]);
  });
});
