import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTimeOf } from "../platform/adapters/local/process-table.ts";
import { Journey, type RolloutView } from "../testing/journey.ts";
import { jsonOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let first: RolloutView;
beforeAll(async () => {
  journey = await Journey.begin({ rollback: { keepWarmMs: 0 } });
  first = await journey.shipFirst();
});
afterAll(() => journey.end());

interface ProcessRow {
  readonly release_id: string;
  readonly port: number;
  readonly pid: number;
  readonly pid_started: string;
  readonly restarts: number;
}
const processOf = async (releaseId: string): Promise<ProcessRow | undefined> =>
  (
    await journey.installation.database.pool.query<ProcessRow>("select * from release_process where release_id = $1", [
      releaseId,
    ])
  ).rows[0];
const ask = async (port: number, path: string) => fetch(`http://127.0.0.1:${port}${path}`);
const isDead = (row: ProcessRow) => startTimeOf(row.pid) !== row.pid_started;
async function running(releaseId: string): Promise<ProcessRow> {
  return until("the release answers", async () => {
    const row = await processOf(releaseId);
    return row && !isDead(row) && (await ask(row.port, "/healthz")).ok && row;
  });
}

describe("the process of a release", () => {
  it("knows what it is and has nothing of the server's environment", async () => {
    const row = await running(first.canary.id);
    const who = await jsonOf<{ env: Record<string, string> }>(await ask(row.port, "/who"));
    expect(who).toMatchObject({ pid: row.pid, release: `${journey.workload.name}@1` });
    expect(who.env).toMatchObject({ LATCHKEY_SERVICE: journey.workload.name, LATCHKEY_ENVIRONMENT: "production" });
    expect(who.env.DATABASE_URL).toMatch(/^postgres/);
    const known = ["PATH", "HOME", "LANG", "TMPDIR", "USER", "PORT", "HOST", "NODE_ENV", "DATABASE_URL"];
    expect(Object.keys(who.env).filter((k) => !known.includes(k) && !k.startsWith("LATCHKEY_"))).toEqual([]);
  });

  it("is started again on its port when it dies, and that is counted", async () => {
    const before = await running(first.canary.id);
    await ask(before.port, "/exit");
    await until("it is dead", () => isDead(before));
    const after = await until("another runs", async () => {
      const row = await running(first.canary.id);
      return row.pid !== before.pid && row;
    });
    expect(after).toMatchObject({ port: before.port, restarts: before.restarts + 1 });
  });

  it("is started again with back-off when it dies again and again", async () => {
    const before = await running(first.canary.id);
    for (let deaths = 1; deaths <= 2; deaths++) {
      const row = await running(first.canary.id);
      await ask(row.port, "/exit");
      await until("it is dead", () => isDead(row));
    }
    const after = await running(first.canary.id);
    expect(after.restarts).toBe(before.restarts + 2);
  });

  it("survives the server, which adopts it at its next start", async () => {
    const before = await running(first.canary.id);
    await journey.installation.stop();
    expect(isDead(before)).toBe(false);
    await journey.installation.start();
    expect(await running(first.canary.id)).toEqual(before);
  });

  it("that has died while the server was away is started again", async () => {
    const before = await running(first.canary.id);
    await journey.installation.stop();
    await ask(before.port, "/exit");
    await until("it is dead", () => isDead(before));
    await journey.installation.start();
    expect((await running(first.canary.id)).port).toBe(before.port);
  });

  it("is another process's by now: it is left alone and the release started anew", async () => {
    const before = await running(first.canary.id);
    await journey.installation.stop();
    // The row names this test's own process, with a start time that is not its own.
    await journey.installation.database.pool.query(
      "update release_process set pid = $1, pid_started = '1' where release_id = $2",
      [process.pid, first.canary.id],
    );
    process.kill(before.pid, "SIGKILL");
    await until("it is dead", () => isDead(before));
    await journey.installation.start();
    const after = await running(first.canary.id);
    expect(after.pid).not.toBe(process.pid);
  });
});

describe("a release that is served no longer", () => {
  it("leaves after its drain, and its public files stay reachable", async () => {
    journey.gateway = journey.gatewayAgain();
    const old = await running(first.canary.id);
    const id = await journey.rolloutOf(await journey.ship({}, { strategy: "all_at_once" }));
    const second = await journey.drive(id, {}, "completed");
    await until("the old process is gone", async () => {
      await journey.gateway.acknowledge();
      return isDead(old) && !(await processOf(first.canary.id));
    });
    const asset = (releaseId: string, path: string) =>
      fetch(`${journey.installation.url}/artifacts/${releaseId}/${path}`, {
        headers: { authorization: `Bearer ${journey.installation.secretIn("gateway.token")}` },
      });
    const served = await asset(first.canary.id, "assets/app.js");
    expect(served.status).toBe(200);
    expect(await served.text()).toBe("// 1\n");
    expect(served.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(served.headers.get("cache-control")).toContain("immutable");
    for (const path of ["assets/none.js", "../server.mjs", "..%2fserver.mjs", "%2e%2e/behaviour.json", "assets"])
      expect((await asset(first.canary.id, path)).status, path).toBe(404);
    expect((await asset("rel_none", "assets/app.js")).status).toBe(404);
    const upstreams = journey.gateway.serviceOf(journey.workload.name)?.assetUpstreams ?? [];
    expect(upstreams.map((u) => u.split("/").at(-1))).toEqual([second.canary.id, first.canary.id]);
  });

  it("is killed when it ignores the signal to end", async () => {
    const id = await journey.rolloutOf(await journey.ship({ ignoresTerm: true }));
    const rollout = await journey.untilRollout(id, "progressing");
    const row = await running(rollout.canary.id);
    await journey.act(id, "abort", "enough");
    await journey.drive(id, {}, "aborted");
    await until("it is gone", async () => {
      await journey.gateway.acknowledge();
      return isDead(row);
    });
  });

  it("that was given up while it started leaves as well, without any gateway's word", async () => {
    journey.workload.stay();
    const id = await journey.rolloutOf(await journey.ship({ start: "wait" }));
    const { canary } = await journey.rollout(id);
    const row = await until("its process is there", () => processOf(canary.id));
    await journey.act(id, "abort", "wrong branch");
    expect(journey.kindsOf(await journey.untilRollout(id, "aborted"))).toEqual(["roll_back_begun", "aborted"]);
    journey.workload.go();
    await until("its process is gone", async () => {
      await journey.gateway.acknowledge();
      return isDead(row);
    });
  });
});
