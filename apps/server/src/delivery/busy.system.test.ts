import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
});
afterAll(() => journey.end());

describe("a second deployment while one is under way", () => {
  it("is refused by default, with what is under way and what to do", async () => {
    const canary = await journey.shipCanary();
    const problem = await problemOf(journey.ship());
    expect(problem).toMatchObject({ status: 409, code: "LK_BUSY" });
    expect(problem.detail).toContain(canary.deploymentId);
    expect(problem.remedy).toContain("queue");
    await journey.act(canary.id, "abort", "next test");
    await journey.drive(canary.id, {}, "aborted");
  });

  it("waits for its turn when it asks for the queue, and those after it for theirs", async () => {
    const canary = await journey.shipCanary();
    const second = await journey.ship({}, { ifBusy: "queue" });
    await journey.untilDeployment(second, "queued");
    const third = await journey.ship({}, { ifBusy: "queue" });
    await journey.untilDeployment(third, "queued");
    expect((await journey.rollout(canary.id)).state).toBe("progressing");
    await journey.act(canary.id, "roll_back", "make way");
    await journey.drive(canary.id, {}, "rolled_back");
    const next = await journey.untilRollout(await journey.rolloutOf(second), "progressing");
    expect((await journey.deployment(third)).status).toBe("queued");
    await journey.act(next.id, "abort", "make way");
    await journey.drive(next.id, {}, "aborted");
    const last = await journey.untilRollout(await journey.rolloutOf(third), "progressing");
    await journey.act(last.id, "abort", "next test");
    await journey.drive(last.id, {}, "aborted");
  });

  it("ends the one under way when it supersedes it, from the same baseline", async () => {
    const canary = await journey.shipCanary();
    const second = await journey.ship({}, { ifBusy: "supersede" });
    const superseded = await journey.drive(canary.id, {}, "superseded");
    expect(journey.wordsOf(superseded)).toContain(second);
    expect((await journey.deployment(canary.deploymentId)).status).toBe("superseded");
    const next = await journey.untilRollout(await journey.rolloutOf(second), "progressing");
    expect(next.baseline?.id).toBe(canary.baseline?.id);
    await journey.drive(next.id, {}, "holdback");
  });

  it("cuts a holdback short, and takes what was proved as its baseline", async () => {
    const held = (await journey.owner.listDeployments({})).items[0];
    expect(held?.status).toBe("holdback");
    const id = await journey.ship();
    const next = await until("the next is exposed", async () => {
      await journey.gateway.serve();
      const { rolloutId } = await journey.deployment(id);
      if (rolloutId === null) return null;
      const seen = await journey.rollout(rolloutId);
      return seen.state === "progressing" && seen;
    });
    expect(next.baseline?.id).toBe(held?.release?.id);
    expect((await journey.deployment(held?.id ?? "")).status).toBe("succeeded");
    await journey.act(next.id, "abort", "next test");
    await journey.drive(next.id, {}, "aborted");
  });

  it("that is asked for many times at once is accepted once", async () => {
    journey.workload.will({ version: "at once" });
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => journey.shipAgain()));
    expect(asked.filter((a) => a.status === "fulfilled")).toHaveLength(1);
    for (const refused of asked.filter((a) => a.status === "rejected"))
      expect(refused.reason).toMatchObject({ problem: { code: "LK_BUSY" } });
  });
});
