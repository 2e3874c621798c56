import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTimeOf } from "../platform/adapters/local/process-table.ts";
import { BuiltServer } from "../testing/built-server.ts";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Journey } from "../testing/journey.ts";
import { NetworkNamespace, Relay, whyNoNamespaces } from "../testing/network-namespace.ts";
import { until } from "../testing/until.ts";

/** Two machines with a server each, and PostgreSQL on a third: the link of the one that drives is cut. */
const why = whyNoNamespaces();
if (why !== null) console.warn(`\n!!! SKIPPED: no server is cut off from its network: ${why}.\n`);
const main = { project: "main" } as const;

describe.skipIf(why !== null)("a server whose network is cut in the middle of a rollout", () => {
  const machines: NetworkNamespace[] = [];
  let relay: Relay;
  let servers: BuiltServer[] = [];
  let cutOff: BuiltServer;
  let left: BuiltServer;
  let journey: Journey<BuiltServer>;

  beforeAll(async () => {
    for (const n of [0, 1]) machines.push(new NetworkNamespace(n));
    relay = new Relay(BuiltServer.postgresPort());
    const port = await relay.listen();
    servers = await BuiltServer.startSeveral(
      2,
      machines.map(({ wrap, inside, outside }) => ({ wrap, address: inside, postgres: `${outside}:${port}` })),
    );
    [cutOff, left] = servers as [BuiltServer, BuiltServer];
    journey = await Journey.beginIn(left);
    await journey.shipFirst();
  });
  afterAll(async () => {
    await BuiltServer.closeAll(servers);
    await relay?.close();
    for (const machine of machines) machine.remove();
  });

  const holder = async () =>
    (
      await left.database.pool.query<{ owner: string }>(
        "select owner from lease where name = 'delivery' and expires_at > now()",
      )
    ).rows[0]?.owner;
  const processes = async () =>
    (
      await left.database.pool.query<{ release_id: string; pid: number; pid_started: string; address: string }>(
        "select release_id, pid, pid_started, address from release_process order by release_id",
      )
    ).rows;
  const isAlive = ({ pid, pid_started }: { pid: number; pid_started: string }) => startTimeOf(pid) === pid_started;

  it("is followed by the other one, which brings the releases to its own machine and ends the rollout", async () => {
    expect(await holder()).toBe(cutOff.id);
    const canary = await journey.shipCanary();
    const before = await processes();
    expect(before.map((row) => row.address)).toEqual([machines[0]?.inside, machines[0]?.inside]);
    machines[0]?.cut();

    await until("the other has taken over", async () => (await holder()) === left.id);
    const moved = await until("both releases run beside it", async () => {
      const now = await processes();
      return now.every((row) => row.address === machines[1]?.inside) && now;
    });
    // What runs behind the cut serves whoever is on that side, until somebody there can be told.
    expect([...before, ...moved].map(isAlive)).toEqual([true, true, true, true]);
    journey.gateway = new GatewayPlayer(left.gateway, "gateway-2");
    await journey.gateway.acknowledge();
    const upstreams = journey.gateway.serviceOf(journey.workload.name)?.arms.flatMap((arm) => arm.upstreams) ?? [];
    expect(upstreams.map((upstream) => new URL(upstream).hostname)).toEqual([machines[1]?.inside, machines[1]?.inside]);
    for (const upstream of upstreams) expect((await fetch(`${upstream}/healthz`)).status).toBe(200);
    await journey.drive(canary.id, {}, "holdback");

    machines[0]?.mend();
    await until("it answers again, and says the same", async () => {
      const params = { ...main, rolloutId: canary.id };
      return (await cutOff.owner.getRollout({ params })).state === "holdback";
    });
    await until("its processes have ended", async () => {
      await journey.gateway.acknowledge();
      return !before.some(isAlive);
    });
    expect(await holder()).toBe(left.id);
    expect(await processes()).toEqual(moved);
    expect(moved.map(isAlive)).toEqual([true, true]);
    expect(await journey.explain(canary.id)).toMatchObject({ agrees: true, evidenceIntact: true });
    const kinds = journey.kindsOf(await journey.rollout(canary.id));
    expect(kinds.filter((kind) => kind === "promoted")).toHaveLength(1);
    const { items } = await journey.owner.listLedger({
      params: main,
      query: { subject: `deployment/${canary.deploymentId}` },
    });
    expect(new Set(items.map((entry) => entry.type)).size).toBe(items.length);
    await until("all is signed", async () => {
      const { ledger } = await cutOff.owner.getSystem({});
      return ledger.size === ledger.signedSize;
    });
    expect(await cutOff.owner.verifyLedger({})).toMatchObject({ ok: true });
  });

  it("takes over in its turn before a machine's last server has ended the releases there", async () => {
    const before = await processes();
    journey.gateway = new GatewayPlayer(cutOff.gateway, "gateway-2");
    await journey.gateway.acknowledge();
    await left.stop();
    let isOver = false;
    const unanswered: string[] = [];
    const visiting = (async () => {
      while (!isOver) {
        await journey.gateway.acknowledge();
        const arms = journey.gateway.serviceOf(journey.workload.name)?.arms ?? [];
        for (const upstream of arms.flatMap((arm) => arm.upstreams)) {
          const answer = await fetch(`${upstream}/healthz`).catch(() => null);
          if (answer?.status !== 200) unanswered.push(upstream);
        }
      }
    })();
    await left.endReleases();
    isOver = true;
    await visiting;
    expect(unanswered).toEqual([]);
    expect(before.some(isAlive)).toBe(false);
    expect((await processes()).map((row) => row.address)).toEqual(before.map(() => machines[0]?.inside));
  });
});
