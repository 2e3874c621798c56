import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { signedIn } from "../testing/signed-in.ts";

/** Segments that flags name in an environment in which a second person has to agree. */
let here: Installation;
let ada: Client;
let grace: Client;
const main = { project: "main" };
const isIn = (...values: string[]) => ({
  ...{ kind: "attribute" as const, attribute: "country", operator: "in" as const, values },
});
const inSegment = (segment: string) => ({ kind: "segment" as const, segment });
const set = (client: Client, segment: string, when: object) =>
  client.putFlagSegment({ params: { ...main, segment }, body: { when: when as never, reason: "a test" } });
const propose = (client: Client, segment: string, when: object, reason = "a new market") => {
  const change = { kind: "set_segment" as const, when: when as never };
  return client.proposeFlagSegmentChange({ params: { ...main, segment }, body: { change, reason } });
};
const decide = (client: Client, proposal: string, decision: "approve" | "reject" | "withdraw") =>
  client.decideFlagProposal({ params: { ...main, proposal }, body: { decision, reason: "read it" } });
const definition = (segment: string, places = ["production"]) => {
  const rules = [{ id: "r", when: inSegment(segment), serve: { kind: "variant", variant: "on" } }];
  const of = { isEnabled: false, rules, otherwise: { kind: "variant", variant: "off" } };
  return { environments: Object.fromEntries(places.map((place) => [place, of])) } as never;
};
const segmentNow = async (key: string) =>
  (await here.owner.listFlagSegments({ params: main })).items.find((one) => one.key === key);
const waiting = async (client: Client, segment: string) =>
  (await client.listFlagProposals({ params: main, query: { segment } })).items;
const protect = (needsApproval: boolean) =>
  here.owner.putFlagEnvironment({
    params: { ...main, environment: "production" },
    body: { needsApproval, reason: "a test" },
  });

beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  [ada, grace] = [await signedIn(here, "Ada"), await signedIn(here, "Grace")];
  await set(ada, "abroad", isIn("DE"));
  await set(ada, "wide", { kind: "any", of: [inSegment("abroad"), isIn("FR")] });
  for (const [flag, segment] of [
    ["form", "abroad"],
    ["over", "wide"],
  ] as const) {
    const body = { definition: definition(segment, ["production", "staging"]), reason: "a test" };
    await ada.putFlag({ params: { ...main, flag }, body });
  }
  await protect(true);
});
afterAll(() => here.close());

describe("a segment that flags name where a second person has to agree", () => {
  it("is changed by two: proposed with what it changes, and of which flags", async () => {
    expect(await problemOf(set(ada, "abroad", isIn("DE", "AT")))).toMatchObject({
      ...{ status: 409, code: "LK_FLAG_APPROVAL" },
      remedy: expect.stringContaining("--propose"),
    });
    const made = await propose(ada, "abroad", isIn("DE", "AT"));
    expect(made).toMatchObject({
      ...{ flag: null, segment: "abroad", kind: "set_segment", state: "waiting", isOwn: true, proposedBy: "Ada" },
      changes: [{ path: "when.values.1", before: null, after: "AT" }],
      flagsChanged: [
        { flag: "form", environments: ["production", "staging"] },
        { flag: "over", environments: ["production", "staging"] },
      ],
    });
    expect(await segmentNow("abroad")).toMatchObject({ version: 1, when: isIn("DE") });
    expect(await waiting(grace, "abroad")).toMatchObject([{ id: made.id, isOwn: false }]);
    expect(await waiting(grace, "wide")).toEqual([]);
    const ofFlags = await grace.listFlagProposals({ params: main, query: { flag: "form" } });
    expect(ofFlags.items).toEqual([]);
    for (const decision of ["approve", "reject"] as const)
      expect(await problemOf(decide(ada, made.id, decision))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    expect(await problemOf(decide(grace, made.id, "withdraw"))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    const applied = await decide(grace, made.id, "approve");
    expect(applied).toMatchObject({ state: "applied", decidedBy: "Grace", flagsChanged: made.flagsChanged });
    expect(await segmentNow("abroad")).toMatchObject({ version: 2, when: isIn("DE", "AT") });
  });

  it("has it in the ledger as the change of both, and answers by it at once", async () => {
    const { items } = await here.owner.listLedger({ query: { subject: "flag_segment/abroad", limit: 3 } });
    expect(items.map((entry) => entry.type).sort()).toEqual([
      ...["flags.proposal.approved", "flags.proposal.created", "flags.segment.changed"],
    ]);
    expect(items.find((entry) => entry.type === "flags.segment.changed")).toMatchObject({
      actor: { name: "Grace" },
      data: { segment: "abroad", proposedBy: "Ada", reason: "a new market", proposal: expect.stringMatching(/^flp_/) },
    });
    await here.owner.putFlag({
      params: { ...main, flag: "asked" },
      body: { definition: definition("abroad", ["staging"]), reason: "a test" },
    });
    await ada.switchFlag({
      params: { ...main, flag: "asked" },
      body: { environment: "staging", isEnabled: true, reason: "a test" },
    });
    const { id } = await propose(ada, "abroad", isIn("CH"));
    await decide(grace, id, "approve");
    const body = { environment: "staging", context: { country: "CH" } };
    expect(await ada.explainFlag({ params: { ...main, flag: "asked" }, body })).toMatchObject({ value: true });
    const { id: back } = await propose(grace, "abroad", isIn("DE", "AT"));
    await decide(ada, back, "approve");
  });

  it("is left as it is by what is rejected or withdrawn", async () => {
    const [first, second] = [await propose(ada, "abroad", isIn("IT")), await propose(ada, "abroad", isIn("ES"))];
    expect(await decide(grace, first.id, "reject")).toMatchObject({ state: "rejected", decisionReason: "read it" });
    expect(await decide(ada, second.id, "withdraw")).toMatchObject({ state: "withdrawn" });
    for (const { id } of [first, second])
      expect(await problemOf(decide(grace, id, "approve"))).toMatchObject({ code: "LK_FLAG_PROPOSAL" });
    expect(await segmentNow("abroad")).toMatchObject({ when: isIn("DE", "AT") });
    expect(await waiting(ada, "abroad")).toEqual([]);
  });

  it("refuses a proposal once the segment has changed since it was read", async () => {
    const [first, second] = [await propose(ada, "abroad", isIn("DE", "IT")), await propose(ada, "abroad", isIn("PL"))];
    await decide(grace, first.id, "approve");
    const { version } = (await segmentNow("abroad")) ?? {};
    expect(await problemOf(decide(grace, second.id, "approve"))).toMatchObject({ code: "LK_FLAG_CHANGED" });
    expect(await segmentNow("abroad")).toMatchObject({ version, when: isIn("DE", "IT") });
    await decide(ada, second.id, "withdraw");
  });

  it("refuses one that would reach a flag which nobody has read with it", async () => {
    await set(ada, "fresh", isIn("DE"));
    const { id, flagsChanged } = await propose(ada, "fresh", isIn("PL"));
    expect(flagsChanged).toEqual([]);
    // While another proposal names it nothing is agreed to: whoever reads that one reads the segment as it is.
    const flag = { ...main, flag: "newcomer" };
    const change = { kind: "put" as const, definition: definition("fresh") };
    await ada.putFlag({ params: flag, body: { definition: definition("abroad"), reason: "a test" } });
    const named = await ada.proposeFlagChange({ params: flag, body: { change, reason: "a test" } });
    expect(await problemOf(decide(grace, id, "approve"))).toMatchObject({
      ...{ code: "LK_FLAG_APPROVAL", detail: expect.stringContaining("newcomer") },
    });
    await decide(grace, named.id, "approve");
    expect(await waiting(grace, "fresh")).toMatchObject([
      { flagsChanged: [{ flag: "newcomer", environments: ["production"] }] },
    ]);
    expect(await problemOf(decide(grace, id, "approve"))).toMatchObject({
      ...{ code: "LK_FLAG_CHANGED", detail: expect.stringContaining("newcomer") },
    });
    expect(await segmentNow("fresh")).toMatchObject({ version: 1, when: isIn("DE") });
    await decide(ada, id, "withdraw");
  });

  it("keeps those that a proposed one names as they were read", async () => {
    await set(ada, "loose", isIn("DE"));
    const { id } = await propose(ada, "wide", { kind: "any", of: [inSegment("loose")] });
    expect(await problemOf(set(ada, "loose", isIn("DE", "PL")))).toMatchObject({
      ...{ code: "LK_FLAG_APPROVAL", detail: expect.stringContaining("wide") },
    });
    await decide(ada, id, "withdraw");
    await set(ada, "loose", isIn("DE", "PL"));
  });

  it("is deleted by two, and never while a flag names it", async () => {
    const gone = (segment: string) =>
      ada.proposeFlagSegmentChange({
        params: { ...main, segment },
        body: { change: { kind: "delete_segment" }, reason: "nobody names it" },
      });
    expect(await problemOf(gone("abroad"))).toMatchObject({ fields: [{ field: "segment" }] });
    expect(await problemOf(gone("none"))).toMatchObject({ status: 404 });
    const { id, changes } = await gone("loose");
    expect(changes).toMatchObject([{ path: "", before: { when: isIn("DE", "PL") }, after: null }]);
    expect(await decide(grace, id, "approve")).toMatchObject({ state: "applied" });
    expect(await segmentNow("loose")).toBeUndefined();
    // What is so already is no longer anybody's to agree to.
    await set(ada, "loose", isIn("DE"));
    const again = await gone("loose");
    await ada.deleteFlagSegment({ params: { ...main, segment: "loose" } });
    expect(await problemOf(decide(grace, again.id, "approve"))).toMatchObject({ code: "LK_FLAG_CHANGED" });
    await decide(ada, again.id, "withdraw");
  });

  it("is asked for nothing that can't be done, or that changes nothing", async () => {
    const wrong = (segment: string, when: object) => problemOf(propose(ada, segment, when));
    const { when } = (await segmentNow("abroad")) ?? {};
    expect(await wrong("abroad", when ?? {})).toMatchObject({ fields: [{ field: "change" }] });
    expect(await wrong("abroad", inSegment("wide"))).toMatchObject({ status: 400 });
    expect(await wrong("other", inSegment("gone"))).toMatchObject({ status: 400 });
    expect(await wrong("no/key", isIn("DE"))).toMatchObject({ fields: [{ field: "segment" }] });
  });

  it("is changed once by each proposal, whoever agrees at the same time", async () => {
    const { id } = await propose(ada, "abroad", isIn("DE", "NL"));
    const { version = 0 } = (await segmentNow("abroad")) ?? {};
    const ends = await Promise.allSettled([1, 2, 3, 4].map(() => decide(grace, id, "approve")));
    expect(ends.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    expect(await segmentNow("abroad")).toMatchObject({ version: version + 1 });
  });
});
