import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { signedIn } from "../testing/signed-in.ts";

/** Flags of an environment in which a second person has to agree. */
let here: Installation;
let ada: Client;
let grace: Client;
const main = { project: "main" };
const form = { ...main, flag: "form" };
const production = { environment: "production" };

const rollout = (percent: number) => ({ kind: "rollout" as const, variant: "on", against: "off", percent });
const definition = (percent: number, more: object = {}) => ({
  description: "The new form",
  environments: {
    production: { isEnabled: true, otherwise: rollout(percent) },
    staging: { isEnabled: true, otherwise: rollout(percent) },
  },
  ...more,
});
const put = (client: Client, of: ReturnType<typeof definition>, flag = "form") =>
  client.putFlag({ params: { ...main, flag }, body: { definition: of, reason: "a test" } });
const move = (client: Client, more: object, environment = "production") =>
  client.moveRollout({ params: form, body: { environment, reason: "a test", ...more } });
const waiting = async (client: Client) =>
  (await client.listFlagProposals({ params: main, query: { flag: "form" } })).items;
const decide = (client: Client, proposal: string, decision: "approve" | "reject" | "withdraw") =>
  client.decideFlagProposal({ params: { ...main, proposal }, body: { decision, reason: "read it" } });
const at = async () =>
  (await here.owner.getFlag({ params: form })).rollouts.find((one) => one.environment === "production");

beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  [ada, grace] = [await signedIn(here, "Ada"), await signedIn(here, "Grace")];
  await put(ada, definition(1));
  await here.owner.putFlagEnvironment({
    params: { ...main, ...production },
    body: { needsApproval: true, reason: "SOC 2" },
  });
});
afterAll(() => here.close());

describe("an environment that needs a second person", () => {
  it("is the owner's to protect, and is in the ledger", async () => {
    const body = { needsApproval: false, reason: "in the way" };
    expect(await problemOf(ada.putFlagEnvironment({ params: { ...main, ...production }, body }))).toMatchObject({
      status: 403,
    });
    expect((await ada.listFlagEnvironments({ params: main })).items).toEqual([
      { name: "production", needsApproval: true },
      { name: "staging", needsApproval: false },
    ]);
    const { items } = await here.owner.listLedger({ query: { subject: "flag_environment/production" } });
    expect(items).toMatchObject([
      { type: "flags.environment.changed", data: { needsApproval: true, reason: "SOC 2" } },
    ]);
  });

  it("is compared with another one", async () => {
    await put(ada, { environments: { staging: { isEnabled: true, otherwise: rollout(5) } } } as never, "only-staging");
    const query = { from: "staging", to: "production" };
    expect((await ada.compareFlagEnvironments({ params: main, query })).items).toMatchObject([
      { flag: "only-staging", isInFrom: true, isInTo: false },
    ]);
  });

  it("lets nobody change alone what somebody gets there, by whichever way", async () => {
    const refused = { status: 409, code: "LK_FLAG_APPROVAL" };
    const version = (await ada.getFlag({ params: form })).version;
    expect(await problemOf(move(ada, { percent: 50 }))).toMatchObject(refused);
    expect(await problemOf(put(ada, definition(1, { variants: { on: false, off: true } })))).toMatchObject(refused);
    expect(await problemOf(put(ada, definition(2)))).toMatchObject(refused);
    expect(await problemOf(ada.archiveFlag({ params: form, body: { reason: "gone" } }))).toMatchObject(refused);
    expect(await problemOf(put(ada, definition(100), "at-once"))).toMatchObject(refused);
    expect(await ada.getFlag({ params: form })).toMatchObject({ version, rollouts: [] });
    const dry = await ada.putFlag({ params: form, body: { definition: definition(2), dryRun: true } });
    expect(dry).toMatchObject({ applied: false, needsApproval: ["production"] });
  });

  it("stays open for what changes nothing there, and for what stops something", async () => {
    await put(ada, { ...definition(1), description: "The new form, by Grace" });
    await move(ada, { percent: 20 }, "staging");
    await move(ada, { state: "held" });
    await move(ada, { state: "killed" });
    // Held, it would be at the share again that it had reached.
    expect(await problemOf(move(ada, { state: "held" }))).toMatchObject({ status: 400, fields: [{ field: "state" }] });
    await ada.switchFlag({ params: form, body: { ...production, isEnabled: false, reason: "errors" } });
    expect(
      await problemOf(ada.switchFlag({ params: form, body: { ...production, isEnabled: true, reason: "again" } })),
    ).toMatchObject({ code: "LK_FLAG_APPROVAL" });
  });

  it("applies what is proposed once somebody else agrees, as both of theirs", async () => {
    const on = { kind: "switch" as const, ...production, isEnabled: true };
    const made = await ada.proposeFlagChange({ params: form, body: { change: on, reason: "it is mended" } });
    expect(made).toMatchObject({ state: "waiting", isOwn: true, proposedBy: "Ada", kind: "switch" });
    expect(made.changes).toEqual([{ path: "environments.production.isEnabled", before: false, after: true }]);
    expect(await waiting(grace)).toMatchObject([{ id: made.id, isOwn: false }]);
    expect(await problemOf(decide(ada, made.id, "approve"))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    expect(await problemOf(decide(grace, made.id, "withdraw"))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    expect(await decide(grace, made.id, "approve")).toMatchObject({ state: "applied", decidedBy: "Grace" });
    expect(await problemOf(decide(grace, made.id, "reject"))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    const { environments } = await ada.getFlag({ params: form });
    expect(environments[0]).toMatchObject({ name: "production", isEnabled: true });
    const { items } = await ada.listFlagVersions({ params: form, query: { limit: 1 } });
    expect(items).toMatchObject([{ verb: "switched", by: "Ada", approvedBy: "Grace", reason: "it is mended" }]);
    const ledger = (await here.owner.listLedger({ query: { subject: "flag/form", limit: 3 } })).items;
    expect(ledger.map((entry) => entry.type).sort()).toEqual([
      ...["flags.flag.switched", "flags.proposal.approved", "flags.proposal.created"],
    ]);
    expect(ledger.find((entry) => entry.type === "flags.flag.switched")).toMatchObject({
      actor: { name: "Grace" },
      data: { proposal: made.id, proposedBy: "Ada" },
    });
  });

  it("does not apply what would no longer change what was read", async () => {
    const change = {
      kind: "rollout" as const,
      ...production,
      rule: "otherwise",
      percent: 30,
      state: "running" as const,
    };
    const [first, second] = [
      await ada.proposeFlagChange({ params: form, body: { change, reason: "more" } }),
      await grace.proposeFlagChange({ params: form, body: { change: { ...change, percent: 60 }, reason: "faster" } }),
    ];
    await decide(grace, first.id, "approve");
    expect(await at()).toMatchObject({ percent: 30, state: "running" });
    expect(await problemOf(decide(ada, second.id, "approve"))).toMatchObject({ code: "LK_FLAG_CHANGED" });
    expect(await at()).toMatchObject({ percent: 30 });
    expect(await decide(grace, second.id, "withdraw")).toMatchObject({ state: "withdrawn" });
    expect(await waiting(ada)).toEqual([]);
  });

  it("comes back as off as it was agreed to, where it was on before it was taken out", async () => {
    const flag = "comes-back";
    const propose = async (of: object) => {
      const change = { kind: "put" as const, definition: of } as never;
      const { id } = await ada.proposeFlagChange({ params: { ...main, flag }, body: { change, reason: "a test" } });
      await decide(grace, id, "approve");
    };
    const off = { isEnabled: false, otherwise: { kind: "variant", variant: "on" } };
    await put(ada, { environments: { production: off, staging: off } } as never, flag);
    const change = { kind: "switch" as const, ...production, isEnabled: true };
    const { id } = await ada.proposeFlagChange({ params: { ...main, flag }, body: { change, reason: "a test" } });
    await decide(grace, id, "approve");
    await propose({ environments: { staging: off } });
    await propose({ environments: { production: off, staging: off } });
    const { environments } = await ada.getFlag({ params: { ...main, flag } });
    expect(environments.find((one) => one.name === "production")).toMatchObject({ isEnabled: false });
  });

  it("keeps a segment that a flag names there, over others too, from being changed by one alone", async () => {
    const set = (segment: string, when: object, client = ada) =>
      client.putFlagSegment({ params: { ...main, segment }, body: { when: when as never, reason: "a test" } });
    const pro = { kind: "attribute", attribute: "plan", operator: "equals", values: ["pro"] };
    await set("inner", pro);
    await set("outer", { kind: "segment", segment: "inner" });
    const rules = [
      { id: "r", when: { kind: "segment", segment: "outer" }, serve: { kind: "variant", variant: "off" } },
    ];
    const off = { isEnabled: false, otherwise: rollout(1) };
    const named = { environments: { production: { ...off, rules }, staging: off } } as never;
    await put(ada, named, "named");
    expect(await problemOf(set("inner", { ...pro, values: ["free"] }))).toMatchObject({ code: "LK_FLAG_APPROVAL" });
    await set("free", { ...pro, values: ["free"] });
    // Whoever reads a proposal reads the segments that it names as they are: they stay so until it is decided.
    const when = { kind: "segment", segment: "free" };
    const then = { ...off, rules: [{ ...rules[0], when }] };
    const change = { kind: "put", definition: { environments: { production: then, staging: off } } } as never;
    const flag = { ...main, flag: "named" };
    const { id } = await ada.proposeFlagChange({ params: flag, body: { change, reason: "a test" } });
    expect(await problemOf(set("free", { ...pro, values: ["free", "pro"] }))).toMatchObject({
      code: "LK_FLAG_APPROVAL",
    });
    await decide(ada, id, "withdraw");
    await set("free", { ...pro, values: ["free", "pro"] });
  });

  it("shows who agrees to turn on what one person made while it was off all that would hold with it", async () => {
    const flag = { ...main, flag: "made-alone" };
    const off = { isEnabled: false, otherwise: rollout(80) };
    const wild = { environments: { production: off }, type: "string", variants: { on: "wild", off: "tame" } };
    await put(ada, wild as never, "made-alone");
    const change = { kind: "switch" as const, ...production, isEnabled: true };
    const { id } = await ada.proposeFlagChange({ params: flag, body: { change, reason: "a test" } });
    const { items } = await grace.listFlagProposals({ params: main, query: { flag: "made-alone" } });
    const read = Object.fromEntries(items[0]?.takesEffect.map(({ path, after }) => [path, after]) ?? []);
    expect(JSON.stringify(read)).toContain("wild");
    expect(JSON.stringify(read)).toContain("80");
    expect(JSON.stringify(read)).toContain("environments.production");
    expect(await decide(grace, id, "approve")).toMatchObject({ state: "applied", takesEffect: [] });
  });

  it("is asked for nothing that can't be done", async () => {
    const propose = (change: object) =>
      problemOf(ada.proposeFlagChange({ params: form, body: { change: change as never, reason: "a test" } }));
    expect(await propose({ kind: "switch", ...production, isEnabled: true })).toMatchObject({
      fields: [{ field: "change" }],
    });
    expect(await propose({ kind: "switch", environment: "nowhere", isEnabled: true })).toMatchObject({
      fields: [{ field: "environment" }],
    });
    expect(await propose({ kind: "restore", version: 9_999 })).toMatchObject({ status: 404 });
    expect(await problemOf(decide(grace, "flp_none", "approve"))).toMatchObject({ status: 404 });
  });

  it("applies each once, whoever agrees at the same time", async () => {
    const change = { kind: "rollout" as const, ...production, rule: "otherwise", percent: 70 };
    const { id } = await ada.proposeFlagChange({ params: form, body: { change, reason: "more" } });
    const { version } = await ada.getFlag({ params: form });
    const ends = await Promise.allSettled([1, 2, 3, 4].map(() => decide(grace, id, "approve")));
    expect(ends.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    expect(await ada.getFlag({ params: form })).toMatchObject({ version: version + 1 });
  });

  it("tells who agrees to what is so already, and does not call it applied", async () => {
    const change = { kind: "switch" as const, ...production, isEnabled: false };
    const { id } = await ada.proposeFlagChange({ params: form, body: { change, reason: "errors" } });
    await ada.switchFlag({ params: form, body: { ...production, isEnabled: false, reason: "at once" } });
    expect(await problemOf(decide(grace, id, "approve"))).toMatchObject({ code: "LK_FLAG_CHANGED" });
    expect(await waiting(ada)).toMatchObject([{ id, state: "waiting" }]);
    expect(await decide(ada, id, "withdraw")).toMatchObject({ state: "withdrawn" });
  });
});
