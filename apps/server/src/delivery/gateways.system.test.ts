import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Journey } from "../testing/journey.ts";
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
