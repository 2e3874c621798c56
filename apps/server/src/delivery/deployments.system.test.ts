import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import type { Behaviour } from "../testing/workload.ts";

let journey: Journey;
let served: string;
beforeAll(async () => {
  journey = await Journey.begin();
  served = (await journey.shipFirst()).canary.id;
});
afterAll(() => journey.end());

/** What is served must be what it was, whatever became of a deployment. */
async function stillServed(): Promise<void> {
  await journey.gateway.acknowledge();
  const arms = journey.gateway.serviceOf(journey.workload.name)?.arms ?? [];
  expect(arms.map((a) => [a.releaseId, a.weightPercent])).toEqual([[served, 100]]);
}

describe("a build", () => {
  it.each<[string, Partial<Behaviour>, RegExp]>([
    ["that fails", { build: "fail" }, /The build failed: exit code 3/],
    ["that writes nothing", { build: "nothing" }, /wrote nothing into \$LATCHKEY_ARTIFACT/],
    ["that leaves a link", { build: "link" }, /link is neither a file nor a folder/],
  ])("%s ends the deployment with why", async (_, behaviour, words) => {
    const ended = await journey.untilDeployment(await journey.ship(behaviour), "failed_build");
    expect(ended.words).toMatch(words);
    expect(ended.release).toBeNull();
    await stillServed();
  });

  it("shows what it printed", async () => {
    const ended = await journey.untilDeployment(await journey.ship({ build: "fail" }), "failed_build");
    expect(ended.buildOutput).toContain("Unexpected token in app.ts:3");
  });

  it("that can't be started is told as such", async () => {
    await journey.workload.apply({ build: ["no-such-builder"] });
    const ended = await journey.untilDeployment(await journey.ship(), "failed_build");
    expect(ended.words).toContain("could not be started");
    await journey.workload.apply();
  });
});

describe("a gate", () => {
  const gate = (over: object) => ({ name: "unit tests", command: ["node", "gate.mjs"], timeoutMs: 150_000, ...over });
  afterAll(() => journey.workload.apply());

  it.each<[string, object, Partial<Behaviour>, RegExp, string]>([
    ["that fails", {}, { gate: "fail" }, /The gate "unit tests" failed/, "failed"],
    ["that never ends", { timeoutMs: 1_000 }, { gate: "hang" }, /did not end within 1 s/, "timed_out"],
    ["that can't be run", { command: ["no-such-tool"] }, {}, /could not run/, "could_not_run"],
  ])("%s keeps the release from being deployed", async (_, over, behaviour, words, status) => {
    await journey.workload.apply({ gates: [gate(over)] });
    const ended = await journey.untilDeployment(await journey.ship(behaviour), "failed_gate");
    expect(ended.words).toMatch(words);
    expect(ended.gates.map((g) => g.status)).toEqual([status]);
    expect(ended.rolloutId).toBeNull();
    await stillServed();
  });

  it("shows what it printed, and those after a failed one wait", async () => {
    await journey.workload.apply({ gates: [gate({}), gate({ name: "never reached" })] });
    const ended = await journey.untilDeployment(await journey.ship({ gate: "fail" }), "failed_gate");
    expect(ended.gates[0]?.output).toContain("1 test failed: adds up");
    expect(ended.gates.map((g) => g.status)).toEqual(["failed", "waiting"]);
  });

  it("that is not required is told, and stops nothing", async () => {
    await journey.workload.apply({ gates: [gate({ required: false })] });
    const id = await journey.ship({ gate: "fail" }, { strategy: "all_at_once" });
    const done = await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect((await journey.deployment(id)).gates.map((g) => g.status)).toEqual(["failed"]);
    served = done.canary.id;
  });
});

describe("a release that does not come up", () => {
  afterAll(() => journey.workload.apply());

  it.each<[string, Partial<Behaviour>, RegExp]>([
    ["ends by itself", { start: "exit" }, /ended before it was ready.*SHOP_KEY is not set/s],
    ["is never healthy", { health: 503 }, /was not healthy within 2 s\. .* answered 503 instead of 200/],
    ["is healthy once and then dead", { start: "die-when-ready" }, /Smoke journey \/ did not answer|ended before/],
    ["is healthy but answers wrongly", { page: "under construction" }, /answered without "welcome"/],
    ["is healthy but its page fails", { page: null }, /Smoke journey \/ answered 500 instead of 200/],
  ])("because it %s gets no traffic, and its process is gone", async (_, behaviour, words) => {
    await journey.workload.apply({ health: { readyTimeoutMs: 2_000 } });
    const ended = await journey.untilDeployment(await journey.ship(behaviour), "failed_start");
    expect(ended.words).toMatch(words);
    const rollout = await journey.rollout(ended.rolloutId ?? "");
    expect(rollout).toMatchObject({ state: "failed", trafficPercent: 0, exposedAt: null });
    // Decided first, ended then: a server that dies in between must not bring it up again.
    await until("its process is gone", async () => {
      const left = await journey.installation.database.pool.query(
        "select release_id from release_process where release_id = $1",
        [rollout.canary.id],
      );
      return left.rowCount === 0;
    });
    await stillServed();
  });
});

describe("a release whose health has words", () => {
  const mapped = { readyTimeoutMs: 2_000, healthy: ["healthy"], degraded: ["degraded"], unhealthy: ["unhealthy"] };
  beforeAll(() => journey.workload.apply({ health: mapped }));
  afterAll(() => journey.workload.apply());

  it("is not ready while it says that it is unhealthy, also with status 200", async () => {
    const ended = await journey.untilDeployment(
      await journey.ship({ healthBody: '{"status":"unhealthy"}' }),
      "failed_start",
    );
    expect(ended.words).toMatch(/\/healthz answered 200, and its status is "unhealthy"/);
    await stillServed();
  });

  it("is ready when it is degraded, and that is told", async () => {
    const id = await journey.ship({ healthBody: '{"status":"degraded"}' }, { strategy: "all_at_once" });
    const done = await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect(journey.wordsOf(done)).toContain('It is ready, and degraded: /healthz says that its status is "degraded".');
    expect(await journey.explain(done.id)).toMatchObject({ agrees: true });
    served = done.canary.id;
  });
});

describe("a wish to deploy", () => {
  const ship = (over: { service?: string } & Parameters<Journey["shipAgain"]>[0]) => {
    const { service = journey.workload.name, ...body } = over;
    return problemOf(journey.owner.ship({ params: { project: "main", service }, body }));
  };

  it("is refused for a service, environment, release or fault that is not there", async () => {
    expect(await ship({ service: "nowhere" })).toMatchObject({ status: 404, code: "LK_NOT_FOUND" });
    expect(await ship({ environment: "moon" })).toMatchObject({
      status: 400,
      fields: [{ field: "environment", message: "one of production" }],
    });
    // Taken out of the configuration, it is as if it had never been there.
    await journey.workload.apply({ environments: ["production", "attic"] });
    await journey.workload.apply();
    expect(await ship({ environment: "attic" })).toMatchObject({ status: 400, fields: [{ field: "environment" }] });
    expect(await ship({ releaseId: "rel_none" })).toMatchObject({ status: 404 });
    for (const fault of ["gremlins", "errors=5", "errors=5%; rm -rf /", "latency=50%"])
      expect((await ship({ fault })).fields?.[0]?.field).toBe("fault");
  });

  it("is refused for a release of another service, and for a fault on a release that exists", async () => {
    await journey.workload.apply({ name: "another-shop" });
    expect(await ship({ service: "another-shop", releaseId: served })).toMatchObject({
      status: 400,
      fields: [{ field: "releaseId" }],
    });
    expect(await ship({ releaseId: served, fault: "errors=5%" })).toMatchObject({
      status: 400,
      fields: [{ field: "fault" }],
    });
  });

  it("of what is served already ends unchanged: nothing is rolled out", async () => {
    const id = await journey.ship({ version: "same" }, { strategy: "all_at_once" });
    served = (await journey.drive(await journey.rolloutOf(id), {}, "completed")).canary.id;
    const again = await journey.untilDeployment(await journey.shipAgain(), "unchanged");
    expect(again).toMatchObject({ rolloutId: null, release: { id: served } });
    expect(again.words).toContain("Nothing to deploy");
    const byId = await journey.untilDeployment(await journey.shipAgain({ releaseId: served }), "unchanged");
    expect(byId.rolloutId).toBeNull();
    await stillServed();
  });

  it("with a fault builds the fault in, and says so on the release", async () => {
    const id = await journey.shipAgain({ fault: "none" });
    const canary = await journey.untilRollout(await journey.rolloutOf(id), "progressing");
    expect(canary.canary.fault).toBe("none");
    await journey.act(canary.id, "abort", "only a rehearsal");
    await journey.drive(canary.id, {}, "aborted");
  });

  it("leaves its story in the ledger: asked for, built, gated, rolled out, ended", async () => {
    const id = await journey.ship({}, { reason: "a new front page", strategy: "all_at_once" });
    const rollout = await journey.drive(await journey.rolloutOf(id), {}, "completed");
    served = rollout.canary.id;
    const items = await until("its end is numbered", async () => {
      const all = (await journey.owner.listLedger({ query: { limit: 200 } })).items.filter((e) => e.correlation === id);
      return all[0]?.type === "delivery.deployment.ended" && all;
    });
    expect(items.map((e) => e.type).reverse()).toEqual([
      "delivery.deployment.requested",
      "delivery.release.created",
      "delivery.deployment.gates_passed",
      "delivery.rollout.created",
      "delivery.rollout.promoted",
      "delivery.rollout.completed",
      "delivery.deployment.ended",
    ]);
    expect(items.find((e) => e.type === "delivery.deployment.requested")?.data).toMatchObject({
      reason: "a new front page",
    });
  });
});
