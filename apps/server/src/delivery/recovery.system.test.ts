import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTimeOf } from "../platform/adapters/local/process-table.ts";
import { BuiltServer } from "../testing/built-server.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** The server is killed in the middle of every phase; what it had begun must come to its end once it is back. */
let journey: Journey<BuiltServer>;
let server: BuiltServer;
beforeAll(async () => {
  server = await BuiltServer.start();
  journey = await Journey.beginIn(server);
  await journey.shipFirst();
});
afterAll(() => journey.end());

async function killAndStart(): Promise<void> {
  await server.kill();
  await server.start();
}
afterEach(async () => {
  for (const { id, finishedAt } of (await journey.owner.listDeployments({})).items) {
    if (finishedAt !== null) continue;
    journey.workload.go();
    const rolloutId = await journey.rolloutOf(id);
    await journey.act(rolloutId, "abort", "next test");
    await journey.drive(rolloutId, {}, "aborted");
  }
});
const processes = async () =>
  (
    await server.database.pool.query<{ release_id: string; pid: number; pid_started: string }>(
      "select release_id, pid, pid_started from release_process",
    )
  ).rows;

describe("a server that is killed", () => {
  it("while it builds, builds again, and nothing that the first build still writes gets into the artifact", async () => {
    journey.workload.stay();
    const before = journey.workload.buildsBegun;
    const id = await journey.ship({ build: "wait-and-mark" });
    await until("the build has begun", () => journey.workload.buildsBegun === before + 1);
    await killAndStart();
    await until("another build has begun", () => journey.workload.buildsBegun === before + 2);
    // From here on both builds go on.
    journey.workload.go();
    const rollout = await journey.untilRollout(await journey.rolloutOf(id), "progressing");
    const release = await journey.owner.getRelease({ params: { project: "main", releaseId: rollout.canary.id } });
    expect(release.files.filter((f) => f.path.startsWith("built-by-"))).toHaveLength(1);
  });

  it("while gates run, runs them again", async () => {
    journey.workload.stay();
    const id = await journey.ship({ gate: "wait" });
    await until("the gate runs", async () => (await journey.deployment(id)).gates[0]?.status === "running");
    await killAndStart();
    await until("the gate runs", async () => (await journey.deployment(id)).gates[0]?.status === "running");
    journey.workload.go();
    await journey.untilRollout(await journey.rolloutOf(id), "progressing");
    expect((await journey.deployment(id)).gates.map((g) => g.status)).toEqual(["passed"]);
  });

  it("while gates run, runs none again that has ended, and waits on for what it waited for", async () => {
    journey.workload.stay();
    const count = "require('node:fs').appendFileSync('asked.log', 'x')";
    const waits = { name: "pipeline", kind: "tests", from: "ci", required: false, timeoutMs: 3_600_000 } as const;
    const gates = [
      { name: "first", command: ["node", "-e", count] },
      waits,
      { name: "last", command: ["node", "gate.mjs"] },
    ];
    await journey.workload.apply({ gates });
    // What a pipeline sends is for a commit: outside git it could not run, and is no more than told.
    const id = await journey.ship({ gate: "wait" });
    const running = async () => (await journey.deployment(id)).gates.map((g) => g.status);
    const before = ["passed", "could_not_run", "running"];
    await until("the last gate runs", async () => (await running()).join() === before.join());
    await killAndStart();
    await until("the last gate runs", async () => (await running()).join() === before.join());
    journey.workload.go();
    await journey.untilRollout(await journey.rolloutOf(id), "progressing");
    expect(await running()).toEqual(["passed", "could_not_run", "passed"]);
    expect(readFileSync(join(journey.workload.root, "app", "asked.log"), "utf8")).toBe("x");
    await journey.workload.apply();
  });

  it("while a release starts, adopts its process instead of starting another", async () => {
    journey.workload.stay();
    const rolloutId = await journey.rolloutOf(await journey.ship({ start: "wait" }));
    const { canary } = await journey.rollout(rolloutId);
    const own = async () => (await processes()).filter((p) => p.release_id === canary.id);
    const [before] = await until("its process is there", async () => (await own()).length > 0 && own());
    await killAndStart();
    expect(startTimeOf(before?.pid ?? 0)).toBe(before?.pid_started);
    journey.workload.go();
    await journey.untilRollout(rolloutId, "progressing");
    expect(await own()).toEqual([before]);
  });

  it("while a canary is judged, goes on from where it was and keeps all that was counted", async () => {
    const canary = await journey.shipCanary();
    await until("something was counted", async () => {
      await journey.gateway.acknowledge();
      await journey.gateway.report({ requests: 500 });
      return ((await journey.rollout(canary.id)).report?.canaryRequests ?? 0) > 0;
    });
    const before = await journey.rollout(canary.id);
    const own = async () =>
      (await processes()).filter((p) => [canary.canary.id, canary.baseline?.id].includes(p.release_id));
    const running = await own();
    expect(running).toHaveLength(2);
    await killAndStart();
    const after = await journey.rollout(canary.id);
    expect(after.report?.canaryRequests).toBeGreaterThanOrEqual(before.report?.canaryRequests ?? 0);
    // An entry may have got its number only after the kill; all else of a decision stays as it was.
    const decided = (view: typeof before) => view.decisions.map(({ sequence: _, ...decision }) => decision);
    expect(decided(after).slice(0, before.decisions.length)).toEqual(decided(before));
    await journey.drive(canary.id, {}, "holdback");
    expect(await own()).toEqual(running);
    expect(await journey.explain(canary.id)).toMatchObject({ agrees: true, evidenceIntact: true });
  });

  it("while it rolls back, ends the rollback, and only when that is acknowledged", async () => {
    const canary = await journey.shipCanary();
    await journey.gateway.acknowledge();
    await journey.act(canary.id, "roll_back", "it smells");
    await killAndStart();
    await journey.gateway.lag();
    expect((await journey.rollout(canary.id)).state).toBe("rolling_back");
    await journey.gateway.acknowledge();
    const over = await journey.untilRollout(canary.id, "rolled_back");
    expect(journey.kindsOf(over).filter((kind) => kind === "roll_back_begun")).toHaveLength(1);
  });

  it("after a rollback by hand was recorded and before it was acted on, ends in the old release, asked for once", async () => {
    const strategy = { kind: "all_at_once", batch: { when: "off" } } as const;
    await journey.workload.apply({ strategy });
    const params = { project: "main", service: journey.workload.name };
    const shipped = async () => {
      const over = await journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");
      return over.canary.id;
    };
    const [old, bad] = [await shipped(), await shipped()];
    const serving = async () =>
      (await journey.owner.getService({ params })).environments.find((e) => e.name === "production")?.serving?.id;
    expect(await serving()).toBe(bad);
    const body = { environment: "production", reason: "wrong prices", releaseId: old };
    const { id } = await journey.owner.rollBack({ params, body });
    // The answer is the record: whatever is to be done of it is done after it, by another process now.
    await killAndStart();
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect(await serving()).toBe(old);
    const type = "delivery.rollback.begun";
    const begun = (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;
    expect(begun.filter((entry) => (entry.data as { deploymentId: string }).deploymentId === id)).toHaveLength(1);
    const pauses = (await journey.owner.listDeploymentPauses({ params: { project: "main" } })).items;
    expect(pauses).toMatchObject([{ leftRelease: { id: bad } }]);
    await journey.owner.resumeDeployments({ params, body: { environment: "production", reason: "next test" } });
    await journey.workload.apply();
  });

  it("keeps a ledger without a gap that verifies, however often it was killed", async () => {
    const verified = await until("all is numbered", async () => {
      const { ledger } = await journey.owner.getSystem({});
      return ledger.size === ledger.signedSize && journey.owner.verifyLedger({});
    });
    expect(verified).toMatchObject({ ok: true, firstBadSequence: null });
  });
});

describe("a server that is stopped", () => {
  it("in the middle of a build ends the build, exits well and builds again at the next start", async () => {
    journey.workload.stay();
    const before = journey.workload.buildsBegun;
    const id = await journey.ship({ build: "wait" });
    await until("the build has begun", () => journey.workload.buildsBegun === before + 1);
    expect(await server.stop()).toBe(0);
    expect(startTimeOf(journey.workload.lastBuild)).toBeNull();
    await server.start();
    journey.workload.go();
    await journey.untilRollout(await journey.rolloutOf(id), "progressing");
  });

  it("refuses a second one in its directory while it runs", async () => {
    await expect(server.startAnother()).resolves.toMatch(/Another Latchkey server \(process \d+\) uses/);
  });
});
