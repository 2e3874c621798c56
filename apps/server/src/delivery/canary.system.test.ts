import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());
const shares = () => journey.gateway.shares(journey.workload.name);

describe("a first release and a healthy canary", () => {
  it("serves the first release wholly, as nothing is there to compare it with", async () => {
    const first = await journey.shipFirst();
    expect(journey.kindsOf(first)).toEqual(["promoted", "completed"]);
    expect(first.baseline).toBeNull();
    expect(shares()).toEqual({ baseline: 100 });
  });

  it("leads a healthy release over its steps to the holdback, and completes it", async () => {
    const canary = await journey.shipCanary();
    await journey.drive(canary.id, {}, "holdback");
    expect(shares()).toEqual({ canary: 95, holdback: 5 });
    await journey.act(canary.id, "promote", "seen enough");
    const done = await journey.rollout(canary.id);
    expect(done.state).toBe("completed");
    expect(journey.kindsOf(done)).toEqual(["exposed", "advanced", "promoted", "held_back", "holdback_ended"]);
    expect(done.decisions.map((d) => d.trafficPercent)).toEqual([10, 50, 95, 95, 100]);
    await journey.gateway.acknowledge();
    expect(shares()).toEqual({ baseline: 100 });
    const deployment = await journey.deployment(done.deploymentId);
    expect(deployment).toMatchObject({ status: "succeeded", previousReleaseId: done.baseline?.id });
    const { environments } = await journey.owner.getService({
      params: { project: "main", service: journey.workload.name },
    });
    expect(environments[0]?.serving?.id).toBe(done.canary.id);
  });
});

describe("harm", () => {
  it("goes to 0 % at once, and is over only when every gateway has acknowledged that", async () => {
    const canary = await journey.shipCanary();
    const slow = new GatewayPlayer(journey.installation.gateway, "gateway-2");
    await slow.acknowledge();
    const harmed = await until("harm was seen", async () => {
      await slow.lag();
      await journey.gateway.serve({ canary: { errorRatio: 0.05 } });
      const seen = await journey.rollout(canary.id);
      return seen.state === "rolling_back" && seen;
    });
    expect(harmed.trafficPercent).toBe(0);
    expect(journey.wordsOf(harmed)).toContain("canary requests failed");
    // One gateway serves 0 % by now, the other lives and still has its old table: it must not be called over.
    for (let i = 0; i < 15; i++) {
      await journey.gateway.acknowledge();
      await slow.lag();
      expect((await journey.rollout(canary.id)).state).toBe("rolling_back");
    }
    await slow.acknowledge();
    const over = await journey.untilRollout(canary.id, "rolled_back");
    expect(journey.kindsOf(over).slice(-2)).toEqual(["roll_back_begun", "rolled_back"]);
    expect(shares()).toEqual({ baseline: 100 });
    const deployment = await journey.deployment(over.deploymentId);
    expect(deployment.status).toBe("rolled_back");
    expect(deployment.words).toContain("canary requests failed");
    await journey.installation.database.pool.query("delete from gateway where id = 'gateway-2'");
  });

  it("in latency is seen as well", async () => {
    const canary = await journey.shipCanary();
    const over = await journey.drive(canary.id, { canary: { ms: 90 }, baseline: { ms: 40 } }, "rolled_back");
    expect(journey.wordsOf(over)).toMatch(/Harm: (the median time to answer|the slowest \d % of answers)/);
  });

  it("in the browser is seen as well", async () => {
    const canary = await journey.shipCanary();
    const over = await journey.drive(canary.id, { canary: { pageErrorRatio: 0.2 } }, "rolled_back");
    expect(journey.wordsOf(over)).toContain("pages that broke");
  });

  it("on both releases is not the canary's, and holds", async () => {
    const canary = await journey.shipCanary();
    const sick = { canary: { errorRatio: 0.3 }, baseline: { errorRatio: 0.3 } };
    const held = await until("it holds", async () => {
      await journey.gateway.serve(sick);
      const seen = await journey.rollout(canary.id);
      return seen.report?.guards.some((g) => g.guard === "shared_incident" && g.state === "hold") && seen;
    });
    expect(held.state).toBe("progressing");
    expect(held.trafficPercent).toBe(10);
    await journey.act(canary.id, "abort", "the incident comes first");
    await journey.drive(canary.id, {}, "aborted");
  });

  it("is not told from counts by a clock that is off: it holds, names the gateway, and goes on once the clock is right", async () => {
    const canary = await journey.shipCanary();
    journey.gateway.clockAheadMs = -3_600_000;
    const harm = { canary: { errorRatio: 0.5 } };
    const guardOf = (seen: Awaited<ReturnType<typeof journey.rollout>>) =>
      seen.report?.guards.find((g) => g.guard === "clock_skew");
    const held = await until("it holds", async () => {
      await journey.gateway.serve(harm);
      const seen = await journey.rollout(canary.id);
      return guardOf(seen)?.state === "hold" && (seen.report?.canaryRequests ?? 0) > 50 && seen;
    });
    expect(guardOf(held)?.words).toContain(`gateway ${journey.gateway.id} is 1 h behind`);
    expect(held).toMatchObject({ state: "progressing", trafficPercent: 10, report: { verdict: "INCONCLUSIVE" } });
    journey.gateway.clockAheadMs = 0;
    const over = await journey.drive(canary.id, harm, "rolled_back");
    expect(journey.wordsOf(over)).toContain("canary requests failed");
  });

  it("late, in the holdback, is rolled back too", async () => {
    const canary = await journey.shipCanary();
    await journey.drive(canary.id, {}, "holdback");
    const over = await journey.drive(canary.id, { canary: { errorRatio: 0.1 } }, "rolled_back");
    expect(over.decisions.find((d) => d.kind === "roll_back_begun")?.fromState).toBe("holdback");
    expect(shares()).toEqual({ baseline: 100 });
    // From the decision until every gateway said that nobody is sent there any more.
    expect(over.servingTime).toMatchObject({ way: "back" });
    const { items } = await journey.owner.listLedger({
      query: { type: "delivery.rollout.rolled_back", subject: `rollout/${canary.id}`, limit: 1 },
    });
    expect(items[0]?.data.servedAfterMs).toBe(over.servingTime?.ms);
  });
});

describe("what people may ask", () => {
  it("pauses with a reason, holds its share, and resumes", async () => {
    const canary = await journey.shipCanary();
    const paused = await journey.act(canary.id, "pause", "lunch");
    expect(paused.state).toBe("paused");
    expect(journey.wordsOf(paused)).toContain("lunch");
    expect(paused.allowedActions).toEqual(["resume", "promote", "roll_back", "abort"]);
    await until("enough for the next step was served", async () => {
      await journey.gateway.serve();
      return ((await journey.rollout(canary.id)).report?.canaryRequests ?? 0) > 1_000;
    });
    expect(await journey.rollout(canary.id)).toMatchObject({ state: "paused", trafficPercent: 10 });
    expect((await journey.act(canary.id, "resume", "back")).state).toBe("progressing");
    await journey.drive(canary.id, {}, "promoting", "holdback");
    await journey.act(canary.id, "roll_back", "second thoughts");
    await journey.drive(canary.id, {}, "rolled_back");
  });

  it("rolls back harm while it is paused", async () => {
    const canary = await journey.shipCanary();
    await journey.act(canary.id, "pause", "lunch");
    const over = await journey.drive(canary.id, { canary: { errorRatio: 0.05 } }, "rolled_back");
    expect(over.decisions.find((d) => d.kind === "roll_back_begun")?.fromState).toBe("paused");
  });

  it("promotes without proof when a person says so, by name in the ledger", async () => {
    const canary = await journey.shipCanary();
    const promoted = await journey.act(canary.id, "promote", "I have tested it by hand");
    expect(promoted).toMatchObject({ state: "promoting", trafficPercent: 95 });
    await journey.drive(canary.id, {}, "holdback");
    await journey.act(canary.id, "promote", "done");
    const subject = { query: { subject: `rollout/${canary.id}`, type: "delivery.rollout.promoted" } };
    const entry = await until("it is in the ledger", async () => (await journey.owner.listLedger(subject)).items[0]);
    expect(entry.actor.kind).toBe("person");
    expect(entry.data).toMatchObject({ words: expect.stringContaining("by hand"), trafficPercent: 95 });
  });

  it("refuses what makes no sense in a state, with what it is in", async () => {
    const canary = await journey.shipCanary();
    expect(await problemOf(journey.act(canary.id, "resume", "x"))).toMatchObject({
      status: 409,
      code: "LK_ROLLOUT_STATE",
      detail: expect.stringContaining("progressing"),
    });
    await journey.act(canary.id, "roll_back", "enough");
    expect((await problemOf(journey.act(canary.id, "promote", "x"))).code).toBe("LK_ROLLOUT_STATE");
    // Asking again for what is under way is granted and decides nothing anew.
    const again = await journey.act(canary.id, "roll_back", "enough, I said");
    expect(journey.kindsOf(again).filter((kind) => kind === "roll_back_begun")).toHaveLength(1);
    await journey.drive(canary.id, {}, "rolled_back");
    for (const action of ["pause", "resume", "promote", "roll_back", "abort"] as const)
      expect((await problemOf(journey.act(canary.id, action, "x"))).code).toBe("LK_ROLLOUT_OVER");
  });

  it("asks for a reason, and for a rollout that is there", async () => {
    const canary = (await journey.owner.listDeployments({})).items[0]?.rolloutId ?? "";
    expect((await problemOf(journey.act(canary, "pause", ""))).fields?.[0]?.field).toBe("reason");
    expect((await problemOf(journey.act("rol_none", "pause", "x"))).code).toBe("LK_NOT_FOUND");
  });
});

describe("without data", () => {
  it("nothing moves, however long its bake time is over", async () => {
    const canary = await journey.shipCanary();
    const held = await until("it was looked at", async () => {
      await journey.gateway.acknowledge();
      const seen = await journey.rollout(canary.id);
      return seen.report !== null && seen.acknowledged && seen;
    });
    expect(held).toMatchObject({ state: "progressing", trafficPercent: 10 });
    expect(held.report).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    await journey.act(canary.id, "abort", "nobody comes");
    await journey.drive(canary.id, {}, "aborted");
  });
});

describe("what was decided", () => {
  it("is explained by replay for every rollout of this file, to the same decisions", async () => {
    const { items } = await journey.owner.listDeployments({ query: { limit: 100 } });
    expect(items.length).toBeGreaterThan(8);
    for (const { rolloutId } of items) {
      const explained = await journey.explain(rolloutId ?? "");
      expect(explained, rolloutId ?? "").toMatchObject({ agrees: true, evidenceIntact: true });
      const seen = await until("every decision is numbered", async () => {
        const view = await journey.rollout(rolloutId ?? "");
        return view.decisions.every((d) => d.sequence !== null) && view;
      });
      expect(explained.decisions.map((d) => d.kind)).toEqual(journey.kindsOf(seen));
    }
  });
});
