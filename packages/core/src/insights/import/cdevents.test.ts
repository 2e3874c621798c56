import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold } from "../../shared/registers.ts";
import { deploymentOf, type Fact, incidentOf, pullRequestOf, type Thing } from "../history.ts";
import { cdEventBodies, cdEventFacts, cdEventsFacts, commitFact, readCdEvent } from "./cdevents.ts";
import { problemLine } from "./fact.ts";

const SHA = "234fd47e07d1004f0aed9c234fd47e07d1004f0a";
const ARTIFACT = "pkg:oci/leads@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427";
const time = (minute: number): string => `2026-11-01T12:${String(minute).padStart(2, "0")}:00Z`;
const atMs = (minute: number): number => Date.parse(time(minute));
/** In the form of the specification's fixtures, which share one id. */
const event = (type: string, minute: number, id: string, content: object, version = "0.5.0") => ({
  context: {
    version,
    id: "271069a8",
    source: "/ci/main",
    type: `dev.cdevents.${type}`,
    timestamp: time(minute),
    links: [],
  },
  subject: { id, source: "/ci/main", content },
});
const place = { environment: { id: "prod1", name: "production" }, artifactId: ARTIFACT };
const EVENTS = [
  event("change.created.0.4.0", 0, "17", { repository: { id: "hidden/shop" } }),
  event("change.reviewed.0.3.0", 5, "17", { repository: { id: "hidden/shop" } }),
  event("change.merged.0.3.0-draft", 9, "17", { repository: { id: "hidden/shop" } }, "0.5.0-draft"),
  event("artifact.packaged.0.3.0", 12, ARTIFACT, { change: { id: SHA } }),
  event("service.deployed.0.2.0", 20, "service/leads", place, "0.4.1"),
  event("service.rolledback.0.3.0", 40, "leads", place),
  event("incident.detected.0.3.0", 30, "incident-123", {
    ...place,
    service: { id: "/cluster/leads" },
    description: "It is slow",
  }),
  event("incident.resolved.0.3.0", 45, "incident-123", {
    ...place,
    artifactId: "pkg:oci/leads@other",
    description: "Over",
  }),
  event("service.removed.0.3.0", 50, "leads", { environment: { id: "prod1" } }),
  event("testsuiterun.finished.0.3.0", 51, "suite", { outcome: "success" }),
];
const placed = (bodies: readonly unknown[]) => bodies.map((body, i) => ({ place: `line ${i + 1}`, body }));
const factsOf = (bodies: readonly unknown[]): readonly Fact[] => {
  const read = cdEventsFacts(placed(bodies), { environment: "staging" });
  if (!read.ok) throw new Error(read.error.map(problemLine).join("\n"));
  return read.value;
};
const statesOf = (facts: readonly Fact[]): Record<string, Thing> => {
  const things: Record<string, Thing> = {};
  for (const fact of facts) things[fact.key] = fold(things[fact.key] ?? {}, fact);
  return things;
};

describe("CDEvents", () => {
  it("make a change, the deployment of its artifact's commit, a rollback, and an incident", () => {
    const things = statesOf(factsOf(EVENTS));
    expect(Object.keys(things).sort()).toEqual([
      "cdevents:/ci/main/incident-123",
      "cdevents:/ci/main/service.deployed/271069a8",
      "cdevents:/ci/main/service.rolledback/271069a8",
      "hidden/shop#17",
    ]);
    expect(pullRequestOf("", things["hidden/shop#17"] ?? {})).toMatchObject({
      ...{ number: 17, openedAtMs: atMs(0), firstReviewedAtMs: atMs(5), mergedAtMs: atMs(9), mergeCommit: null },
    });
    expect(deploymentOf("", things["cdevents:/ci/main/service.deployed/271069a8"] ?? {})).toMatchObject({
      ...{
        service: "leads",
        environment: "production",
        commit: SHA,
        kind: "planned",
        outcome: "succeeded",
        servedAllAtMs: atMs(20),
      },
    });
    expect(deploymentOf("", things["cdevents:/ci/main/service.rolledback/271069a8"] ?? {})?.kind).toBe("rollback");
    // What is served at its end is what mended it.
    expect(incidentOf("", things["cdevents:/ci/main/incident-123"] ?? {})).toMatchObject({
      ...{
        service: "leads",
        title: "It is slow",
        detectedAtMs: atMs(30),
        resolvedAtMs: atMs(45),
        artifact: SHA,
        links: [],
      },
    });
  });
  it("give the same in whatever order, and however often they come", () => {
    const once = statesOf(factsOf(EVENTS));
    fc.assert(
      fc.property(fc.shuffledSubarray([...EVENTS, ...EVENTS], { minLength: EVENTS.length * 2 }), (events) => {
        expect(statesOf(factsOf(events))).toEqual(once);
      }),
    );
  });
  it("an artifact that is told of after its deployment still names the commit", () => {
    const read = readCdEvent(EVENTS[4]);
    if (!read.ok) throw new Error("refused");
    const made = cdEventFacts(read.value, { environment: "production", commitOf: () => null });
    const [deployment] = made.ok ? made.value.facts : [];
    if (!deployment) throw new Error("nothing was made");
    expect(deployment.fields).not.toHaveProperty("commit");
    const joined = commitFact({
      source: deployment.source,
      deployment: deployment.key,
      artifact: ARTIFACT,
      commit: SHA,
      atMs: atMs(21),
    });
    expect(deploymentOf("", statesOf([joined, deployment])[deployment.key] ?? {})?.commit).toBe(SHA);
  });
  it("come in a CloudEvent of either mode, in a batch, or alone", () => {
    const [body] = EVENTS;
    const envelope = {
      specversion: "1.0",
      id: "1",
      source: "/ci",
      type: "dev.cdevents.change.created.0.4.0",
      data: body,
    };
    const bodies = (type: string, sent: unknown) => cdEventBodies({ headers: { "content-type": type }, body: sent });
    const one = { ok: true, value: [body] };
    expect(bodies("application/cloudevents+json; charset=utf-8", envelope)).toEqual(one);
    expect(bodies("application/json", body)).toEqual(one);
    expect(bodies("application/cloudevents+json", { ...envelope, data: JSON.stringify(body) })).toEqual(one);
    expect(bodies("application/cloudevents-batch+json", [envelope, envelope])).toEqual({
      ok: true,
      value: [body, body],
    });
    expect(bodies("application/cloudevents-batch+json", envelope).ok).toBe(false);
  });
  it.each([
    [{}, "line 1: context: is missing"],
    [{ ...EVENTS[0], subject: {} }, "line 1: subject.id: is missing"],
    [
      { ...EVENTS[0], context: { ...EVENTS[0]?.context, timestamp: "soon" } },
      "line 1: context.timestamp: must be a time",
    ],
    [
      { ...EVENTS[0], context: { ...EVENTS[0]?.context, type: "com.github.push" } },
      "line 1: context.type: com.github.push is no type",
    ],
    [event("service.deployed.0.2.0", 1, "leads", {}), "line 1: subject.content.artifactId: is missing"],
    ["text", "line 1: the body: must be an object"],
  ])("that are wrong are refused with their line and field: %#", (wrong, words) => {
    const read = cdEventsFacts(placed([wrong, EVENTS[1]]), { environment: "production" });
    expect(read.ok ? [] : read.error.map(problemLine)).toEqual(
      expect.arrayContaining([expect.stringContaining(words)]),
    );
  });
});
