import { CanaryPlanning } from "@latchkey/api/planning";
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

const ask = (query: object = {}) =>
  journey.owner.planCanary({ params: { project: "main", service: journey.workload.name }, query });
const planned = (query: object) =>
  until("the plan is there", async () => {
    const seen = await ask(query);
    return seen.state === "done" ? CanaryPlanning.parse(seen) : null;
  });

describe("a plan over the API", () => {
  it("says how far it is, works with a stand-in where nothing was measured, and is there at once when asked again", async () => {
    const query = { requestsPerHour: 20, durationMs: 60_000, holdbackMs: 0, share: 50, runs: 50 };
    const first = CanaryPlanning.parse(await ask(query));
    expect(first).toMatchObject({ state: "working", plan: null, traffic: { measured: false, requestsPerHour: 20 } });
    expect(first.strategy).toMatchObject({ steps: [{ trafficPercent: 50 }], maximumMs: 60_000, holdbackMs: 0 });
    const { plan, done, of } = await planned(query);
    expect(done).toBe(of);
    expect(plan).toMatchObject({ requestsForProof: 911, healthy: { runs: 50, falseRollbacks: 0, proved: 0 } });
    expect(plan?.suggestion.words.join(" ")).toContain("At 20 requests an hour a release can't be proved safe");
    expect((await ask(query)).plan).toEqual(plan);
  });

  it("goes by what was measured, and counts users where they are told apart", async () => {
    await journey.installation.database.owner.pool.query(
      `insert into traffic_hour select $1, 'production', date_trunc('hour', now()) - make_interval(hours => h), 30 * h, h, '{"106": 100}'
        from generate_series(1, 4) h`,
      [journey.workload.name],
    );
    expect((await ask({ runs: 51 })).traffic).toMatchObject({
      ...{ measured: true, hours: 4, requestsPerHour: 75, quietestHour: 30, busiestHour: 120 },
      errorRatio: expect.closeTo(10.5 / 301, 9),
    });
  });

  it.each([
    [{ share: 95 }, "share"],
    [{ share: "half" }, "share"],
    [{ durationMs: 1 }, "durationMs"],
    [{ holdbackMs: 86_400_001 }, "holdbackMs"],
    [{ runs: 5_000 }, "runs"],
    [{ requestsPerHour: 0 }, "requestsPerHour"],
    [{ syntheticPerSecond: 21 }, "syntheticPerSecond"],
    [{ strategy: "blue_green" }, "strategy"],
    [{ environment: "moon" }, "environment"],
  ])("refuses %j and names the field", async (query, field) => {
    const problem = await problemOf(ask(query));
    expect(problem).toMatchObject({ status: 400, code: "LK_INVALID", fields: [{ field }] });
  });

  it("knows no service that is not there", async () => {
    const asked = journey.owner.planCanary({ params: { project: "main", service: "nobody" }, query: {} });
    expect(await problemOf(asked)).toMatchObject({ status: 404 });
  });
});
