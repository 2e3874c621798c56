import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey, type RolloutView } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let first: RolloutView;
beforeAll(async () => {
  journey = await Journey.begin({
    rollback: { unhealthyMs: 2_000 },
    strategy: { kind: "all_at_once", batch: { when: "off" } },
  });
  first = await journey.shipFirst();
});
afterAll(() => journey.end());

/** Makes a release's health endpoint answer 503 from now on. */
async function sicken(releaseId: string): Promise<void> {
  const found = await journey.installation.database.pool.query<{ port: number }>(
    "select port from release_process where release_id = $1",
    [releaseId],
  );
  await fetch(`http://127.0.0.1:${found.rows[0]?.port}/sicken`);
}
const newestOf = async () =>
  (await journey.owner.listDeployments({ params: { project: "main" }, query: { service: journey.workload.name } }))
    .items[0];

describe("a release that is unhealthy for longer than is allowed", () => {
  it("while it is rolled out is taken back, with the evidence in words", async () => {
    const canary = await journey.shipCanary({}, { strategy: "canary" });
    await sicken(canary.canary.id);
    const end = await journey.drive(canary.id, {}, "rolled_back");
    expect(journey.wordsOf(end)).toMatch(/Latchkey rolled it back: it was unhealthy for \d+ s: \/healthz answered 503/);
  });

  it("after its rollout is left for the one before, once, and merges wait from then on", async () => {
    const rollout = await journey.rolloutOf(await journey.ship());
    const second = await journey.drive(rollout, {}, "completed");
    await sicken(second.canary.id);
    const back = await until("it goes back", async () => {
      const newest = await newestOf();
      return newest?.rollback && newest;
    });
    expect(back).toMatchObject({
      createdBy: "Latchkey",
      release: { id: first.canary.id },
      rollback: { automatic: true },
    });
    await journey.drive(await journey.rolloutOf(back.id), {}, "completed");
    const { items } = await journey.owner.listLedger({
      params: { project: "main" },
      query: { type: "delivery.rollback.begun" },
    });
    expect(items).toHaveLength(1);
    expect(items[0]?.data).toMatchObject({
      automatic: true,
      fromReleaseId: second.canary.id,
      evidence: { healthPath: "/healthz", words: "answered 503 instead of 200" },
    });
    const paused = await journey.owner.listDeploymentPauses({ params: { project: "main" } });
    expect(paused.items).toMatchObject([{ pausedBy: "Latchkey", leftRelease: { id: second.canary.id } }]);
  });

  it("that is the way back itself stays: there is no going to and fro", async () => {
    await sicken(first.canary.id);
    // The next release comes out later than a second automatic rollback would have begun.
    const rollout = await journey.rolloutOf(await journey.ship());
    await journey.drive(rollout, {}, "completed");
    expect((await newestOf())?.rollback).toBeNull();
  });
});
