import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());

describe("a first release and a healthy canary", () => {
  it("serves the first release wholly, as nothing is there to compare it with", async () => {
    const first = await journey.shipFirst();
    expect(journey.kindsOf(first)).toEqual(["promoted", "completed"]);
    expect(first.baseline).toBeNull();
    expect(journey.gateway.shares(journey.workload.name)).toEqual({ baseline: 100 });
  });

  it("leads a healthy release over its steps to the holdback, and completes it", async () => {
    const canary = await journey.shipCanary();
    await journey.drive(canary.id, {}, "holdback");
    expect(journey.gateway.shares(journey.workload.name)).toEqual({ canary: 95, holdback: 5 });
    await journey.act(canary.id, "promote", "seen enough");
    const done = await journey.drive(canary.id, {}, "completed");
    expect(journey.kindsOf(done)).toEqual(["exposed", "advanced", "promoted", "held_back", "holdback_ended"]);
    expect(done.decisions.map((d) => d.trafficPercent)).toEqual([10, 50, 95, 95, 100]);
    await journey.gateway.acknowledge();
    expect(journey.gateway.shares(journey.workload.name)).toEqual({ baseline: 100 });
  });

  it("rolls harm back to 0 %, and calls it over only when the gateway has acknowledged that", async () => {
    const canary = await journey.shipCanary();
    await journey.gateway.acknowledge();
    const harmed = await journey.drive(canary.id, { canary: { errorRatio: 0.05 } }, "rolling_back", "rolled_back");
    expect(harmed.trafficPercent).toBe(0);
    const over = await journey.drive(canary.id, {}, "rolled_back");
    expect(journey.kindsOf(over).slice(-2)).toEqual(["roll_back_begun", "rolled_back"]);
    expect(journey.gateway.shares(journey.workload.name)).toEqual({ baseline: 100 });
  });
});
