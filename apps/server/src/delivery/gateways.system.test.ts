import { UNWATCHED_HEADER } from "@latchkey/api/gateway";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
});
afterAll(() => journey.end());

const upstream = () => journey.gateway.serviceOf(journey.workload.name)?.arms[0]?.upstreams[0] ?? "";
const answers = (address: string): Promise<boolean> =>
  fetch(`${address}/healthz`).then(
    (answer) => answer.ok,
    () => false,
  );

describe("a gateway that was restarted", () => {
  it("is heard from its first report on, although its last boot had sent more", async () => {
    const client = journey.installation.gateway;
    const before = new GatewayPlayer(client, "edge");
    await before.acknowledge();
    for (let i = 0; i < 5; i++) await before.report();
    const again = new GatewayPlayer(client, "edge");
    await again.acknowledge();
    await again.report();
    const { rows } = await journey.installation.database.pool.query(
      "select boot, max(requests)::int as requests from arm_counter where gateway = 'edge' group by boot order by 2",
    );
    expect(rows).toHaveLength(2);
    expect(rows[0].requests).toBeGreaterThan(0);
  });
});

describe("a report", () => {
  const long = Array.from({ length: 10_000 }, (_, i) => String.fromCharCode(97 + ((i * i * i) % 26))).join("");
  const counter = {
    ...{ service: "shop", environment: "production", generation: { epoch: 1, n: 1 }, arm: "baseline" as const },
    ...{ releaseId: "rel_1", routeClass: "api" as const, requests: 1, errors: 0, latency: {}, pageViews: 0 },
    ...{ pageErrors: 0, users: "" },
  };
  const report = {
    ...{ gateway: "edge-2", boot: "b", sequence: 1, at: new Date(0).toISOString(), applied: { epoch: 0, n: 0 } },
    ...{ residentBytes: 1, counters: [counter] },
  };

  it.each([
    ["a gateway's name", { ...report, gateway: long }, "gateway"],
    ["a boot's", { ...report, boot: long }, "boot"],
    ["a service's", { ...report, counters: [{ ...counter, service: long }] }, "counters.0.service"],
    ["an environment's", { ...report, counters: [{ ...counter, environment: long }] }, "counters.0.environment"],
    ["a release's", { ...report, counters: [{ ...counter, releaseId: long }] }, "counters.0.releaseId"],
    ["a set of visitors", { ...report, counters: [{ ...counter, users: long }] }, "counters.0.users"],
    ["a count", { ...report, counters: [{ ...counter, errors: 2 ** 40 + 1 }] }, "counters.0.errors"],
    [
      "the number of a bucket",
      { ...report, counters: [{ ...counter, latency: { fast: 1 } }] },
      "counters.0.latency.fast",
    ],
  ])("is refused for %s that can't be one", async (_, body, field) => {
    const problem = await problemOf(journey.installation.gateway.gatewayReport({ body }));
    expect(problem).toMatchObject({ status: 400, code: "LK_INVALID", fields: [{ field }] });
  });
});

describe("an answer to a gateway", () => {
  const ask = async (n: number) => {
    const query = new URLSearchParams({ gateway: "edge-3", boot: "b", epoch: "1", n: String(n), waitMs: "0" });
    const authorization = `Bearer ${journey.installation.secretIn("gateway.token")}`;
    const answer = await journey.installation.fetch(`/api/v1/gateway/routing?${query}`, { headers: { authorization } });
    return { status: answer.status, isUnwatched: answer.headers.has(UNWATCHED_HEADER) };
  };

  it("says when no server looks after the rollouts, with a table and without one", async () => {
    await until("one does", async () => !(await ask(0)).isUnwatched);
    await journey.gateway.acknowledge();
    const newest = journey.gateway.table?.generation.n ?? 0;
    for (const [n, status] of [
      [0, 200],
      [newest, 204],
    ] as const)
      await until("nobody does", async () => {
        // As after a loop that hung: the lease ran out, and is taken again in a moment.
        await journey.installation.database.pool.query("update lease set expires_at = now() - interval '1 hour'");
        const answer = await ask(n);
        expect(answer.status).toBe(status);
        return answer.isUnwatched;
      });
    await until("one does again", async () => !(await ask(0)).isUnwatched);
  });
});

describe("a release that comes up with another address", () => {
  it("gets a new generation, so that gateways with the table of before learn it", async () => {
    await journey.gateway.acknowledge();
    const generation = journey.gateway.table?.generation.n ?? 0;
    expect(await answers(upstream())).toBe(true);
    // A full stop ends the releases as well, and the next start brings them up where there is room.
    await journey.installation.stop();
    await journey.installation.endReleases();
    await journey.installation.start();
    journey.gateway = journey.gatewayAgain();
    await until("the gateway is sent to where it runs now", async () => {
      await journey.gateway.acknowledge();
      return (journey.gateway.table?.generation.n ?? 0) > generation && (await answers(upstream()));
    });
  });
});
