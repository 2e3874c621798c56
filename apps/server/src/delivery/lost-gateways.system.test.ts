import { afterAll, beforeAll, expect, it } from "vitest";
import { type Clock, systemClock } from "../platform/clock.ts";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { LOST_AFTER_MS, LostGatewaysController } from "./lost-gateways.controller.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation.close());

let atMs = 0;
const clock: Clock = { ...systemClock, monotonic: () => atMs };
/** Beside the server's own, which has not listened for long enough in a test: with time that passes as the test says. */
const controller = (fence = 1) =>
  new LostGatewaysController({
    database: installation.database,
    clock,
    lease: { fence: () => fence, guards: async () => true },
  });
const unheardFor = (ms: number) =>
  installation.database.pool.query("update gateway set seen_at = seen_at - make_interval(secs => $1)", [ms / 1_000]);
const told = async () =>
  (await installation.owner.listLedger({ params: { project: "main" }, query: { subject: "gateway/gateway-1" } })).items
    .map(({ type }) => type.split(".").at(-1))
    .reverse();

it("is told of once when it is not heard of any more, and once when it is again; not by a server that has just come", async () => {
  const gateway = new GatewayPlayer(installation.gateway);
  await gateway.acknowledge();
  const first = controller();
  await first.tick();
  await unheardFor(LOST_AFTER_MS * 2);
  await first.tick();
  atMs += LOST_AFTER_MS / 2;
  await first.tick();
  expect(await told()).toEqual([]);

  atMs += LOST_AFTER_MS;
  await first.tick();
  await first.tick();
  await until("it is on record", async () => (await told()).length === 1);
  // Another server is as new as the first was, and knows what was told.
  const second = controller(2);
  await second.tick();
  atMs += LOST_AFTER_MS * 2;
  await second.tick();

  await gateway.acknowledge();
  await second.tick();
  await second.tick();
  await until("both are on record", async () => (await told()).length === 2);
  expect(await told()).toEqual(["lost", "returned"]);
});
