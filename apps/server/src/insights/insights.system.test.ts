import type { Client } from "@latchkey/api/client";
import { historyOf, recordsOf } from "@latchkey/core/insights/replay";
import { makeWorld } from "@latchkey/core/insights/testing/world";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { seeded } from "@latchkey/core/shared/random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { takeIn } from "./facts.controller.ts";
import { isAnyDirty } from "./facts.store.ts";
import { deploymentRecords, incidentRecords, leadRecords, pageOfConflicts } from "./records.view.ts";

/** Figures about delivery from facts that sources tell: a real server on a real PostgreSQL. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
});
afterAll(() => here.close());

type Fact = Parameters<Client["postInsightFacts"]>[0]["body"]["facts"][number];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 2, 2, 8);
const sha = (n: number) => n.toString(16).padStart(40, "0");
const post = (facts: readonly Fact[]) => owner.postInsightFacts({ params: main, body: { facts: [...facts] } });
const fact = (kind: Fact["kind"], key: string, atMs: number, fields: Fact["fields"], word = ""): Fact => ({
  ...{ source: "csv:test", id: `${kind}/${key}/${word}`, kind, key, atMs, rank: 0, fields },
});

/** A day's deployment of one commit that was written ten hours before. */
function deployed(service: string, n: number, outcome: string, more: Fact["fields"] = {}): Fact[] {
  const at = START + n * DAY;
  return [
    fact("commit", sha(n + 1), at, {
      authoredAtMs: at - 10 * HOUR,
      committedAtMs: at - 10 * HOUR,
      title: `Change ${n}`,
    }),
    fact("deployment", `${service}-${n}`, at, {
      ...{ source: "csv:test", service, environment: "production", outcome, commit: sha(n + 1), commits: [sha(n + 1)] },
      ...{ startedAtMs: at - HOUR, exposedAtMs: at - HOUR, servedAllAtMs: at, finishedAtMs: at, ...more },
    }),
  ];
}
const dora = (service: string, more: object = {}) =>
  owner.getDora({
    params: main,
    query: { service, from: "2026-03-02T00:00:00Z", to: "2026-03-12T00:00:00Z", by: "day", ...more } as never,
  });
const settled = (service: string, of: number) =>
  until(`${of} deployments of ${service} are counted`, async () => {
    const answer = await dora(service);
    return answer.keys.changeFailRate.of === of ? answer : null;
  });

describe("facts", () => {
  it("come to the same figures in any order and however often", async () => {
    const facts = [
      ...deployed("one", 0, "succeeded"),
      ...deployed("one", 1, "rolled_back", { recoveredAtMs: START + DAY + HOUR }),
      ...deployed("one", 2, "succeeded"),
      ...deployed("one", 3, "canary_aborted", { servedAllAtMs: null, recoveredAtMs: START + 3 * DAY - HOUR / 2 }),
      ...deployed("one", 4, "gate_rejected", { exposedAtMs: null, servedAllAtMs: null }),
    ];
    expect(await post(facts)).toEqual({ accepted: facts.length, known: 0 });
    expect(await post([...facts].reverse())).toEqual({ accepted: 0, known: facts.length });
    const { keys, series } = await settled("one", 4);
    expect(keys.changeFailRate).toMatchObject({ value: 0.5, of: 4 });
    expect(keys.changeLeadTime.value).toBe(10 * HOUR);
    // Half an hour of the canary's harm, and two hours of the release that had served all.
    expect(keys.recoveryTime.of).toBe(2);
    expect(series).toHaveLength(10);
    expect(series[9]?.keys.changeLeadTime.value).toBeNull();
  });

  it("are asked for in windows that there can be", async () => {
    for (const [field, query] of [
      ["from", { from: "2026-03-12T00:00:00Z", to: "2026-03-02T00:00:00Z" }],
      ["to", { from: "0000-01-01T00:00:00+05:00", to: "0001-01-01T00:00:00Z" }],
      ["to", { to: "9999-12-31T23:59:59Z" }],
      ["from", { from: "2001-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z" }],
      ["from", { to: "1970-01-10T00:00:00Z" }],
      ["asKnownAt", { asKnownAt: "0000-01-01T00:00:00Z" }],
    ] as const)
      expect(await problemOf(owner.getDora({ params: main, query }))).toMatchObject({
        code: "LK_INVALID",
        fields: [{ field }],
      });
  });

  it("of nothing tell nothing: no data is not zero", async () => {
    const { keys } = await dora("nobody");
    expect(keys.changeFailRate.value).toBeNull();
    expect(keys.changeLeadTime.value).toBeNull();
    expect(keys.recoveryTime.value).toBeNull();
  });

  it("of Latchkey's own may not be told by others, and each field must be what it is called", async () => {
    const [one] = deployed("forged", 0, "succeeded");
    if (!one) throw new Error("no fact");
    const own = await problemOf(post([{ ...one, source: "latchkey" }]));
    expect(own).toMatchObject({ code: "LK_INVALID", fields: [{ field: "facts.0.source" }] });
    const late = await problemOf(post([{ ...one, kind: "deployment", fields: { servedAllAtMs: "today" } }]));
    expect(late).toMatchObject({ code: "LK_INVALID", fields: [{ field: "facts.0.fields.servedAllAtMs" }] });
    const dep = await problemOf(post([{ ...one, kind: "deployment", key: "dep_0190" }]));
    expect(dep).toMatchObject({ code: "LK_INVALID", fields: [{ field: "facts.0.key" }] });
  });
});

describe("incidents", () => {
  it("are a deployment's only where evidence says so, and a person may say otherwise", async () => {
    await post([
      ...deployed("two", 0, "succeeded"),
      ...deployed("two", 1, "succeeded"),
      fact("incident", "I-1", START + DAY + HOUR, {
        ...{ source: "csv:test", service: "two", environment: "production", startedAtMs: START + DAY + HOUR },
        ...{
          resolvedAtMs: START + DAY + 2 * HOUR,
          links: [{ deployment: "two-1", by: "stated", words: "The report names it." }],
        },
      }),
      fact("incident", "I-2", START + DAY + HOUR, {
        ...{ source: "csv:test", service: "two", environment: "production", startedAtMs: START + DAY + HOUR },
      }),
    ]);
    await until("the incident counts", async () =>
      (await settled("two", 2)).keys.changeFailRate.value === 0.5 ? true : null,
    );
    const { items } = await owner.listInsightIncidents({
      params: main,
      query: { service: "two", from: "2026-03-02T00:00:00Z", to: "2026-03-12T00:00:00Z" },
    });
    expect(items.map(({ key, deployment }) => [key, deployment]).sort()).toEqual([
      ["I-1", "two-1"],
      ["I-2", null],
    ]);
    const before = new Date().toISOString();
    const said = await owner.correctInsight({
      params: main,
      body: { claim: "not_caused_by", deployment: "two-1", incident: "I-1", reason: "The provider was down." },
    });
    await until("the correction counts", async () =>
      (await dora("two")).keys.changeFailRate.value === 0 ? true : null,
    );
    expect((await dora("two", { asKnownAt: before })).keys.changeFailRate.value).toBe(0.5);
    const listed = await owner.listInsightDeployments({
      params: main,
      query: { service: "two", from: "2026-03-02T00:00:00Z", to: "2026-03-12T00:00:00Z" },
    });
    expect(listed.items.find(({ key }) => key === "two-1")?.corrections).toMatchObject([
      { key: said.key, claim: "not_caused_by", incident: "I-1", reason: "The provider was down." },
    ]);
    await owner.withdrawInsightCorrection({
      params: { ...main, correctionKey: said.key },
      body: { reason: "It was not." },
    });
    await until("the correction counts", async () =>
      (await dora("two")).keys.changeFailRate.value === 0.5 ? true : null,
    );
    const { items: entries } = await owner.listLedger({ params: main, query: { subject: `correction/${said.key}` } });
    expect(entries.map(({ type }) => type).sort()).toEqual([
      "insights.correction.made",
      "insights.correction.withdrawn",
    ]);
  });

  it("that name what nobody knows are listed as being at odds", async () => {
    await post([
      fact("incident", "I-3", START, {
        ...{ source: "csv:test", service: "three", startedAtMs: START },
        links: [{ deployment: "nowhere", by: "stated", words: "" }],
      }),
    ]);
    const found = await until("the conflict is listed", async () => {
      const { items } = await owner.listInsightConflicts({ params: main, query: {} });
      return items.find(({ kind }) => kind === "unknown_deployment") ?? null;
    });
    expect(found).toMatchObject({ subject: "I-3", other: "nowhere" });
  });

  it("count where they were: production is what deployments say it is, on days without any too, now and as known", async () => {
    const of = (key: string, environment: string | null) =>
      fact("incident", key, START + 5 * DAY, {
        ...{ source: "csv:test", service: "four", environment, startedAtMs: START + 5 * DAY },
        resolvedAtMs: START + 5 * DAY + HOUR,
      });
    // The incidents are told of before anybody knows that `live` is production.
    await post([of("L-1", "live"), of("S-1", "staging"), of("N-1", null)]);
    await post(deployed("four", 0, "succeeded", { environment: "live", isProduction: true }));
    await settled("four", 1);
    const restored = { definition: "dora-2021" };
    const now = await until("the incidents count", async () => {
      const answer = await dora("four", restored);
      return answer.keys.recoveryTime.of === 2 && answer;
    });
    const asKnown = await dora("four", { ...restored, asKnownAt: new Date().toISOString() });
    expect(asKnown.keys).toEqual(now.keys);
    expect((await dora("four", { ...restored, environment: "staging" })).keys.recoveryTime.of).toBe(2);
    expect(now.marks.map(({ key }) => key).sort()).toEqual(["L-1", "N-1"]);
  });
});

describe("records", () => {
  it("are those that a slow reading of all facts makes, whatever the order in which they came", async () => {
    const world = makeWorld({ seed: 7, fromMs: START, days: 12, perDay: 6, mendedAlong: 0.1 });
    const random = seeded(3);
    const source = (one: (typeof world.facts)[number]) => ({ ...one, source: "csv:world" });
    const facts = world.facts.map(source).sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
    for (let i = facts.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const [a, b] = [facts[i], facts[j]];
      if (a && b) [facts[i], facts[j]] = [b, a];
    }
    const project = { project: "world" };
    const { db } = here.database;
    const take = (some: typeof facts) => here.database.transaction((tx) => takeIn(tx, project.project, some));
    for (let i = 0; i < facts.length; i += 300) {
      await take(facts.slice(i, i + 300));
      await take(facts.slice(Math.max(0, i - 40), i + 20));
    }
    await until("all is counted", async () => !(await isAnyDirty(db)));
    const slow = recordsOf(historyOf(facts));
    const all = { ...project, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, asKnownAt: null };
    const sorted = (rows: readonly unknown[]) => rows.map((row) => canonicalJson(row)).sort();
    expect(slow.deployments.length).toBeGreaterThan(50);
    expect(sorted(await deploymentRecords(db, all))).toEqual(sorted(slow.deployments.filter((d) => d.isProduction)));
    const excluded = new Set(slow.deployments.filter((d) => d.isExcluded).map((d) => d.key));
    expect(sorted(await leadRecords(db, all))).toEqual(sorted(slow.leads.filter((l) => !excluded.has(l.deployment))));
    expect(sorted(await incidentRecords(db, all))).toEqual(sorted(slow.incidents));
    const found = await pageOfConflicts(db, project.project, null, 10_000);
    expect(sorted(found.map(({ id: _, ...conflict }) => conflict))).toEqual(sorted(slow.conflicts));
  });
});
