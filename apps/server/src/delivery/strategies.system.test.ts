import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin({ strategy: { kind: "blue_green", holdbackMs: 3_600_000 } });
  await journey.shipFirst();
});
afterAll(() => journey.end());
const shares = () => journey.gateway.shares(journey.workload.name);

describe("blue-green", () => {
  it("switches wholly once every gateway serves it, keeps the old release warm, and switches back at once", async () => {
    const id = await journey.rolloutOf(await journey.ship());
    const held = await journey.drive(id, {}, "holdback");
    expect(held.decisions.map((d) => [d.kind, d.trafficPercent])).toEqual([
      ["promoted", 100],
      ["held_back", 100],
    ]);
    expect(shares()).toEqual({ canary: 100, holdback: 0 });
    const back = await journey.act(id, "roll_back", "the old one was better");
    expect(back).toMatchObject({ state: "rolling_back", trafficPercent: 0 });
    await journey.gateway.acknowledge();
    expect(shares()).toEqual({ baseline: 100 });
    expect(journey.gateway.serviceOf(journey.workload.name)?.arms[0]?.releaseId).toBe(held.baseline?.id);
    await journey.untilRollout(id, "rolled_back");
  });

  it("completes at the end of the time that the old one is kept warm", async () => {
    await journey.workload.apply({ strategy: { kind: "blue_green", holdbackMs: 1 } });
    const id = await journey.rolloutOf(await journey.ship());
    const done = await journey.drive(id, {}, "completed");
    expect(journey.kindsOf(done)).toEqual(["promoted", "held_back", "holdback_ended"]);
  });
});

describe("all at once", () => {
  it("sends all traffic without a holdback, also when only this deployment asks for it", async () => {
    const id = await journey.rolloutOf(await journey.ship({}, { strategy: "all_at_once" }));
    const done = await journey.drive(id, {}, "completed");
    expect(done.strategy).toBe("all_at_once");
    expect(journey.kindsOf(done)).toEqual(["promoted", "completed"]);
    expect((await problemOf(journey.act(id, "roll_back", "late"))).code).toBe("LK_ROLLOUT_OVER");
  });
});

describe("an older release", () => {
  it("is deployed again without a build, by its id", async () => {
    const releases = await journey.owner.listReleases({ params: { project: "main", service: journey.workload.name } });
    const [newest, , older] = releases.items;
    expect(releases.items.map((r) => r.number)).toEqual([4, 3, 2, 1]);
    const before = journey.workload.buildsBegun;
    const id = await journey.shipAgain({ releaseId: older?.id ?? "", strategy: "all_at_once" });
    const done = await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect(done.canary.id).toBe(older?.id);
    expect(done.baseline?.id).toBe(newest?.id);
    expect(journey.workload.buildsBegun).toBe(before);
    const release = await journey.owner.getRelease({ params: { project: "main", releaseId: older?.id ?? "" } });
    expect(release.deployments.map((d) => d.status)).toEqual(["succeeded", "rolled_back"]);
    expect(release.files.map((f) => f.path)).toEqual(["behaviour.json", "public/assets/app.js", "server.mjs"]);
  });
});
