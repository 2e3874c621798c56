import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin({ strategy: { kind: "blue_green", autoPromote: false, holdbackMs: 3_600_000 } });
  await journey.shipFirst();
});
afterAll(() => journey.end());

/** The routing of the preview, as the gateways have it. */
const preview = () =>
  journey.gateway.table?.services.find(
    (s) => s.service === journey.workload.name && s.environment.endsWith("/preview"),
  );

describe("blue-green with a preview", () => {
  it("waits there for a person, takes no traffic, and is reached by its own host alone", async () => {
    const id = await journey.rolloutOf(await journey.ship());
    const waiting = await journey.drive(id, {}, "paused");
    expect(journey.kindsOf(waiting)).toEqual(["previewed"]);
    expect(waiting).toMatchObject({ trafficPercent: 0, exposedAt: null });
    expect(waiting.next.words).toContain("A person must promote it");
    expect(waiting.previewUrl).toMatch(new RegExp(`^http://preview\\.${journey.workload.name}\\.localhost:\\d+/$`));
    await journey.gateway.acknowledge();
    expect(preview()?.hosts).toContain(`preview.${journey.workload.name}.localhost`);
    expect(preview()?.arms.map((a) => [a.releaseId, a.weightPercent])).toEqual([[waiting.canary.id, 100]]);
    expect(journey.gateway.shares(journey.workload.name)).toEqual({ baseline: 100, canary: 0 });

    await journey.act(id, "resume", "looks good");
    const held = await journey.drive(id, {}, "holdback");
    expect(journey.kindsOf(held)).toEqual(["previewed", "promoted", "held_back"]);
    await journey.act(id, "roll_back", "on second thoughts");
    await journey.drive(id, {}, "rolled_back");
  });

  it("is left without a trace when it is aborted", async () => {
    const id = await journey.rolloutOf(await journey.ship());
    await journey.drive(id, {}, "paused");
    await journey.act(id, "abort", "not this one");
    const over = await journey.drive(id, {}, "aborted");
    expect(over.previewUrl).toBeNull();
    await until("no gateway knows a preview", async () => {
      await journey.gateway.acknowledge();
      return preview() === undefined;
    });
    expect((await problemOf(journey.act(id, "promote", "late"))).code).toBe("LK_ROLLOUT_OVER");
  });
});
