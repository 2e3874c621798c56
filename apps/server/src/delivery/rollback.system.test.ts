import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

const AT_ONCE = { strategy: { kind: "all_at_once", batch: { when: "off" } } } as const;
let journey: Journey;
const ids: string[] = [];
beforeAll(async () => {
  journey = await Journey.begin({ rollback: { unhealthyMs: 60_000 }, ...AT_ONCE });
  for (let i = 0; i < 3; i++) {
    const rollout = await journey.rolloutOf(await journey.ship());
    ids.push((await journey.drive(rollout, {}, "completed")).canary.id);
  }
});
afterAll(() => journey.end());

const params = () => ({ project: "main", service: journey.workload.name });
const plan = (releaseId?: string) =>
  journey.owner.planRollback({
    params: params(),
    query: { environment: "production", ...(releaseId ? { releaseId } : {}) },
  });
const rollBack = (reason: string, releaseId?: string) =>
  journey.owner.rollBack({
    params: params(),
    body: { environment: "production", reason, ...(releaseId ? { releaseId } : {}) },
  });
const serving = async () =>
  (await journey.owner.getService({ params: params() })).environments.find((e) => e.name === "production")?.serving?.id;
const entries = async (type: string) =>
  (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;

/** A pipeline outside. */
const pipeline = async () => journey.installation.clientWith((await journey.installation.tokenOf("ci")).secret);

describe("the plan of a rollback", () => {
  it("goes to the release before, and offers all that served, newest first", async () => {
    const seen = await plan();
    expect(seen).toMatchObject({ how: "all_at_once", target: { id: ids[1] }, serving: { id: ids[2] }, pause: null });
    expect(seen.undoes.map((r) => r.id)).toEqual([ids[2]]);
    expect(seen.candidates.map((c) => [c.release.id, c.inWindow, c.filesKept])).toEqual([
      [ids[1], true, true],
      [ids[0], true, true],
    ]);
  });
  it("to an older one undoes what came after it", async () => {
    const seen = await plan(ids[0]);
    expect(seen.undoes.map((r) => r.id)).toEqual([ids[2], ids[1]]);
  });
  it("refuses what serves, and what never served, by its field, and changes nothing", async () => {
    for (const id of [ids[2], "rel_unknown"]) {
      const problem = await problemOf(rollBack("no", id));
      expect(problem).toMatchObject({ code: "LK_INVALID", fields: [{ field: "releaseId" }] });
    }
    expect(await entries("delivery.rollback.begun")).toEqual([]);
  });
});

describe("a rollback", () => {
  it("serves the old release again without gates, and what a pipeline asks for waits until it is resumed", async () => {
    const made = await rollBack("customers report wrong prices", ids[0]);
    expect(made).toMatchObject({ rollback: { automatic: false, skipsAnalysis: true }, release: { id: ids[0] } });
    await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
    expect(await serving()).toBe(ids[0]);
    const [begun] = await entries("delivery.rollback.begun");
    expect(begun?.data).toMatchObject({ fromReleaseId: ids[2], toReleaseId: ids[0], how: "all_at_once" });

    journey.workload.will({ version: "harm" });
    const ci = await pipeline();
    const held = await ci.ship({ params: params(), body: { environment: "production" } });
    await until("it waits", async () => (await journey.deployment(held.id)).words.startsWith("Waits:"));
    const { items } = await journey.owner.listDeploymentPauses({ params: { project: "main" } });
    expect(items).toMatchObject([{ service: journey.workload.name, waiting: 1, leftRelease: { id: ids[2] } }]);

    // What a person asks for afterwards goes out past it.
    const fix = await journey.ship({}, { ifBusy: "queue" });
    await journey.drive(await journey.rolloutOf(fix), {}, "completed");
    expect((await journey.deployment(held.id)).status).toBe("queued");

    const resume = () =>
      journey.owner.resumeDeployments({ params: params(), body: { environment: "production", reason: "fixed" } });
    expect(await resume()).toMatchObject({ resumed: true });
    await journey.drive(await journey.rolloutOf(held.id), {}, "completed");
    expect(await resume()).toMatchObject({ resumed: false });
    expect(await entries("delivery.deployments.resumed")).toHaveLength(1);
  });

  it("of a rollout under way turns that back, to the release that still runs", async () => {
    const before = await serving();
    const canary = await journey.shipCanary({}, { strategy: "canary" });
    const seen = await plan();
    expect(seen).toMatchObject({ how: "rollout", target: { id: before } });
    expect(seen.undoes.map((r) => r.id)).toEqual([canary.canary.id]);
    const made = await rollBack("errors at the till");
    expect(made.rolloutId).toBe(canary.id);
    await journey.drive(canary.id, {}, "rolled_back");
    expect(await serving()).toBe(before);
    expect((await plan()).pause).toMatchObject({ leftRelease: { id: canary.canary.id } });
  });

  it("may not be asked for by who only looks, or by a pipeline", async () => {
    const ci = await pipeline();
    const problem = await problemOf(
      ci.rollBack({ params: params(), body: { environment: "production", reason: "no" } }),
    );
    expect(problem.code).toBe("LK_FORBIDDEN");
  });
});

describe("the configuration of then", () => {
  const limits = async () => (await journey.owner.getService({ params: params() })).config.rollback?.unhealthyMs;
  it("is told by field where it differs, and put back in the same step when that is asked for", async () => {
    const release = await journey.drive(
      await journey.rolloutOf(await journey.ship({}, { ifBusy: "queue" })),
      {},
      "completed",
    );
    await journey.workload.apply({ rollback: { unhealthyMs: 45_000 }, ...AT_ONCE });
    await journey.drive(await journey.rolloutOf(await journey.ship({}, { ifBusy: "queue" })), {}, "completed");
    const seen = await plan(release.canary.id);
    expect(seen.configuration).toContainEqual({ path: "rollback.unhealthyMs", before: 45_000, after: 60_000 });
    expect(seen.cautions.join(" ")).toContain("rollback.unhealthyMs");

    const body = {
      environment: "production",
      releaseId: release.canary.id,
      reason: "as it was",
      withConfiguration: true,
    };
    const made = await journey.owner.rollBack({ params: params(), body });
    expect(await limits()).toBe(60_000);
    const [changed] = await entries("catalog.service.changed");
    expect(changed?.correlation).toBe(made.id);
    expect(changed?.data.changes).toContainEqual({ path: "rollback.unhealthyMs", before: 45_000, after: 60_000 });
    await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
    expect(await serving()).toBe(release.canary.id);
  });

  it("that is not kept any more is refused, and nothing is gone back to", async () => {
    await journey.installation.database.pool.query("delete from service_configuration");
    const { candidates, configuration, cautions } = await plan();
    expect(configuration).toBeNull();
    expect(cautions.join(" ")).toContain("is not kept");
    const before = await entries("delivery.rollback.begun");
    const body = {
      environment: "production",
      releaseId: candidates[0]?.release.id,
      reason: "no",
      withConfiguration: true,
    };
    const problem = await problemOf(journey.owner.rollBack({ params: params(), body }));
    expect(problem).toMatchObject({ code: "LK_INVALID", fields: [{ field: "withConfiguration" }] });
    expect(await entries("delivery.rollback.begun")).toHaveLength(before.length);
  });
});
