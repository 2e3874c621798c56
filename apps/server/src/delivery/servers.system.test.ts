import { createClient } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTimeOf } from "../platform/adapters/local/process-table.ts";
import { BuiltServer } from "../testing/built-server.ts";
import { EventStream } from "../testing/event-stream.ts";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** Two servers on one database: whichever is lost, the other goes on. */
let servers: BuiltServer[];
/** Of the second server, which is never killed: whoever asks it sees what the first one does. */
let journey: Journey<BuiltServer>;
let first: BuiltServer;
let second: BuiltServer;
const main = { project: "main" } as const;

beforeAll(async () => {
  servers = await BuiltServer.startSeveral(2);
  [first, second] = servers as [BuiltServer, BuiltServer];
  await holdLease(first);
  journey = await Journey.beginIn(second);
  await journey.shipFirst();
});
afterAll(() => BuiltServer.closeAll(servers));

/** Makes a server the one whose controllers work: the other lets the lease go while it is stopped. */
async function holdLease(server: BuiltServer): Promise<void> {
  for (const other of servers) if (other !== server) await other.stop();
  await until("the lease is here", async () => (await holder()) === server.id);
  await Promise.all(servers.filter((other) => other !== server).map((other) => other.start()));
}
async function holder(): Promise<string | undefined> {
  const { rows } = await first.database.pool.query<{ owner: string }>(
    "select owner from lease where name = 'delivery' and expires_at > now()",
  );
  return rows[0]?.owner;
}
const processes = async (releaseId: string) =>
  (
    await second.database.pool.query<{ pid: number; pid_started: string }>(
      "select pid, pid_started from release_process where release_id = $1",
      [releaseId],
    )
  ).rows;
const stopped = (view: Awaited<ReturnType<Journey["rollout"]>>) => ({
  ...view,
  // Measured anew at each look.
  arms: view.arms.map((arm) => ({ ...arm, residentBytes: null })),
});

describe("two servers on one database", () => {
  it("answer the same, with each other's credentials, and are both named", async () => {
    const { items } = await journey.owner.listDeployments({});
    expect(items).not.toHaveLength(0);
    expect(await first.owner.listDeployments({})).toEqual(await second.owner.listDeployments({}));
    const crossed = createClient({ baseUrl: first.url, token: second.tokenIn("cli.token") });
    expect(await crossed.listDeployments({})).toEqual(await second.owner.listDeployments({}));
    const keyOf = async (server: BuiltServer) => (await server.owner.getSystem({})).ledger.publicKey;
    expect(await keyOf(first)).toBe(await keyOf(second));
    const named = (await second.owner.getSystem({})).servers;
    expect(named.map((s) => s.id).sort()).toEqual([first.id, second.id].sort());
    expect(named.filter((s) => s.holdsLease).map((s) => s.id)).toEqual([first.id]);
  });

  it("lose the one that holds the lease in the middle of a rollout, and the other ends it", async () => {
    const before = await journey.owner.listDeployments({});
    const key = crypto.randomUUID();
    journey.workload.will({ version: "shipped-through-the-first" });
    const wish = { params: { ...main, service: journey.workload.name }, body: {}, idempotencyKey: key };
    const asked = createClient({ baseUrl: first.url, token: second.tokenIn("cli.token") });
    const made = await asked.ship(wish);
    const rolloutId = await journey.rolloutOf(made.id);
    const canary = await journey.untilRollout(rolloutId, "progressing");
    // Who watches the server that does nothing sees what the other does.
    const stream = new EventStream(`${second.url}/api/v1/stream`, {
      authorization: `Bearer ${second.tokenIn("cli.token")}`,
    });
    await until("it is shown there", () =>
      stream.events.some((e) => e.event === "rollout" && e.data.includes(rolloutId)),
    );
    stream.close();
    const running = await processes(canary.canary.id);
    expect(running).toHaveLength(1);
    await first.kill();

    // Whoever got no answer asks again, at the server that is left.
    expect((await second.owner.ship(wish)).id).toBe(made.id);
    await until("the other has taken over", async () => (await holder()) === second.id);
    journey.gateway = new GatewayPlayer(second.gateway, "gateway-2");
    await journey.drive(rolloutId, {}, "holdback");

    expect((await journey.owner.listDeployments({})).items).toHaveLength(before.items.length + 1);
    expect(await processes(canary.canary.id)).toEqual(running);
    expect(startTimeOf(running[0]?.pid ?? 0)).toBe(running[0]?.pid_started);
    expect(await journey.explain(rolloutId)).toMatchObject({ agrees: true, evidenceIntact: true });
    const { items } = await journey.owner.listLedger({ params: main, query: { subject: `deployment/${made.id}` } });
    expect(items.filter((entry) => entry.type === "delivery.deployment.requested")).toHaveLength(1);
  });

  it("answer at once for a key whose server was killed before it had done anything", async () => {
    const key = crypto.randomUUID();
    // As the killed server has left it: begun, and nothing done. Its row among those that live is too old by now.
    const { pool } = second.database;
    await pool.query(
      `insert into idempotent_answer (actor, route, key, body_sha256, server)
        select actor, route, $1, body_sha256, $2 from idempotent_answer where route = 'ship' limit 1`,
      [key, first.id],
    );
    await pool.query("update server set seen_at = now() - interval '11 seconds' where id = $1", [first.id]);
    const before = await journey.owner.listDeployments({});
    const wish = { params: { ...main, service: journey.workload.name }, body: {}, idempotencyKey: key };
    const made = await second.owner.ship(wish);
    expect((await second.owner.ship(wish)).id).toBe(made.id);
    expect((await journey.owner.listDeployments({})).items).toHaveLength(before.items.length + 1);
    // The working tree is what is served: there is nothing to roll out.
    await until("it has ended", async () => (await journey.deployment(made.id)).finishedAt !== null);
  });

  it("build again what the lost one was building, in a folder of its own", async () => {
    await first.start();
    await holdLease(first);
    journey.workload.stay();
    const builds = journey.workload.buildsBegun;
    const id = await journey.ship({ build: "wait-and-mark" }, { ifBusy: "supersede" });
    await until("the first builds", () => journey.workload.buildsBegun === builds + 1);
    await first.kill();
    await until("the second builds", () => journey.workload.buildsBegun === builds + 2);
    journey.workload.go();
    const rollout = await journey.untilRollout(await journey.rolloutOf(id), "progressing");
    const release = await journey.owner.getRelease({ params: { ...main, releaseId: rollout.canary.id } });
    expect(release.files.filter((f) => f.path.startsWith("built-by-"))).toHaveLength(1);
  });

  it("have one ledger, which verifies, and agree on every rollout when both are there", async () => {
    await first.start();
    const verified = await until("all is numbered and signed", async () => {
      const { ledger } = await second.owner.getSystem({});
      return ledger.size === ledger.signedSize && second.owner.verifyLedger({});
    });
    expect(verified).toMatchObject({ ok: true, firstBadSequence: null });
    expect(await first.owner.verifyLedger({})).toMatchObject({ ok: true });
    const rolloutId = (await journey.owner.listDeployments({})).items[0]?.rolloutId ?? "";
    await until("both say the same", async () => {
      const [one, two] = await Promise.all(
        [first, second].map((server) => server.owner.getRollout({ params: { ...main, rolloutId } })),
      );
      return one && two && JSON.stringify(stopped(one)) === JSON.stringify(stopped(two));
    });
  });
});
