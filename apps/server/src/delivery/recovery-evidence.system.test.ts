import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** The server is killed while it does more than one thing at once: own requests beside visitors', changes that join. */
let journey: Journey<BuiltServer>;
let server: BuiltServer;
const begin = async (config: Parameters<typeof Journey.beginIn>[1]) => {
  server = await BuiltServer.start();
  journey = await Journey.beginIn(server, config);
};
afterEach(() => journey.end());
async function killAndStart(): Promise<void> {
  await server.kill();
  await server.start();
}

describe("a server that is killed while synthetic journeys run", () => {
  it("goes on with them, keeps what was counted, and its evidence can be replayed", async () => {
    await begin({
      strategy: { steps: [{ trafficPercent: 10, bakeMs: 0, minimumRequests: 0 }], holdbackMs: 0 },
      smoke: [],
      synthetic: { requestsPerSecond: 20, journeys: [{ path: "/page", contains: "shop" }] },
    });
    await journey.shipFirst();
    const { id } = await journey.shipCanary({ version: "2" });
    const countedOver = (n: number) =>
      until(`more than ${n} canary requests were counted`, async () => {
        await journey.gateway.acknowledge();
        const seen = (await journey.rollout(id)).report?.canaryRequests ?? 0;
        return seen > n ? seen : null;
      });
    let counted = 0;
    for (let kills = 0; kills < 3; kills++) {
      counted = await countedOver(counted);
      await killAndStart();
      expect((await journey.rollout(id)).report?.canaryRequests).toBeGreaterThanOrEqual(counted);
    }
    await countedOver(counted);
    await journey.act(id, "promote", "seen enough");
    await until("it is completed", async () => {
      await journey.gateway.acknowledge();
      return (await journey.rollout(id)).state === "completed";
    });
    expect(await journey.explain(id)).toMatchObject({ agrees: true, evidenceIntact: true });
  });
});

describe("a server that is killed while changes join", () => {
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: journey.workload.root,
    });
  let n = 0;
  const change = async (ifBusy: "batch" | "refuse"): Promise<string> => {
    n += 1;
    journey.workload.will({ version: `change ${n}` });
    git("add", "-A");
    git("commit", "-q", "-m", `Change ${n}`);
    const id = await journey.shipAgain({ ifBusy });
    await journey.untilDeployment(id, "queued", "starting", "rolling_out");
    return id;
  };
  const countOf = async (type: string, subject: string) =>
    (await journey.owner.listLedger({ params: { project: "main" }, query: { type, subject } })).items.length;

  it("has all of them in one rollout, each of which joined once", async () => {
    await begin({ strategy: { batch: { when: "always", maximumChanges: 4 } } });
    writeFileSync(join(journey.workload.root, ".gitignore"), "builds.log\ngo\n");
    git("init", "-q", "-b", "main");
    await journey.drive(await journey.rolloutOf(await change("refuse")), {}, "completed");
    // At once, once the last has its rollout, and once the first has it too: before, within and after the joining.
    const moments = [
      async () => {},
      (ids: string[]) => journey.rolloutOf(ids.at(-1) ?? ""),
      (ids: string[]) => journey.rolloutOf(ids[0] ?? ""),
    ];
    for (const moment of moments) {
      const under = await journey.untilRollout(await journey.rolloutOf(await change("refuse")), "progressing");
      const ids = [await change("batch"), await change("batch"), await change("batch")];
      await journey.act(under.id, "abort", "make way");
      await journey.gateway.acknowledge();
      await moment(ids);
      await killAndStart();
      const rollout = await until("the batch is under way", async () => {
        await journey.gateway.acknowledge();
        const carrier = await journey.deployment(ids.at(-1) ?? "");
        const seen = carrier.rolloutId === null ? null : await journey.rollout(carrier.rolloutId);
        return seen?.state === "progressing" ? seen : null;
      });
      expect(rollout.carries.map((c) => c.deploymentId)).toEqual(ids);
      await journey.act(rollout.id, "abort", "next");
      await journey.drive(rollout.id, {}, "aborted");
      await until("all is numbered", async () => {
        const { ledger } = await journey.owner.getSystem({});
        return ledger.size === ledger.signedSize;
      });
      expect(await countOf("delivery.rollout.created", `rollout/${rollout.id}`)).toBe(1);
      for (const id of ids) {
        expect(await journey.deployment(id)).toMatchObject({ rolloutId: rollout.id, status: "aborted" });
        expect(await countOf("delivery.deployment.ended", `deployment/${id}`)).toBe(1);
      }
      for (const id of ids.slice(0, -1))
        expect(await countOf("delivery.deployment.joined", `deployment/${id}`)).toBe(1);
    }
  });
});
