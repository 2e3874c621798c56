import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** What is deployed here is in the figures by itself, with what became of it: a real server, a played gateway. */
let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());
const main = { project: "main" };

const told = async (id: string) => {
  const { items } = await journey.owner.listInsightDeployments({ params: main, query: {} });
  return items.find(({ key }) => key === id) ?? null;
};

describe("a deployment here", () => {
  it("counts once it has met visitors, and as failed when its canary is taken back", async () => {
    const first = await journey.shipFirst();
    const healthy = await until("the first is told", async () => {
      const seen = await told(first.deploymentId);
      return seen?.isSettled ? seen : null;
    });
    expect(healthy).toMatchObject({ failure: null, kind: "planned", isProduction: true, outcome: "succeeded" });

    const canary = await journey.shipCanary();
    await journey.gateway.serve({});
    await journey.act(canary.id, "roll_back", "It looks wrong.");
    await journey.drive(canary.id, {}, "rolled_back");
    const taken = await until("the canary is told as failed", async () => {
      const seen = await told(canary.deploymentId);
      return seen?.recoveredAt ? seen : null;
    });
    expect(taken).toMatchObject({ failure: "canary_aborted", outcome: "canary_aborted", isSettled: true });

    const { keys, marks } = await journey.owner.getDora({ params: main, query: { service: journey.workload.name } });
    expect(keys.changeFailRate).toMatchObject({ value: 0.5, of: 2 });
    expect(keys.recoveryTime.of).toBe(1);
    expect(marks).toMatchObject([{ kind: "failure", key: canary.deploymentId }]);
    // Nothing was built of a commit here: of changes nothing is known, and nothing is made up.
    expect(keys.changeLeadTime.value).toBeNull();
  });
});
