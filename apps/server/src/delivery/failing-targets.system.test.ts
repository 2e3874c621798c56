import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Clock, systemClock } from "../platform/clock.ts";
import { Cloud } from "../testing/command-target/cloud.ts";
import { Journey } from "../testing/journey.ts";
import { Receiver } from "../testing/receiver.ts";
import { until } from "../testing/until.ts";
import { FailingTargetsController, UNREACHABLE_AFTER_MS } from "./failing-targets.controller.ts";

/** A target whose script stops working: told of once, and once when it works again. */
let journey: Journey;
let cloud: Cloud;
let receiver: Receiver;
let down: string;
let apply: () => Promise<void>;
let applied = 0;
beforeAll(async () => {
  receiver = await new Receiver().start();
  journey = await Journey.begin();
  cloud = new Cloud(join(journey.installation.dir, "cloud"));
  down = join(journey.installation.dir, "down");
  const target = cloud.config({ routes: true });
  const words = target.route ?? [];
  const route = ["sh", "-c", `if [ -e ${down} ]; then cat ${down} >&2; exit 7; fi; exec "$@"`, "route", ...words];
  apply = () =>
    journey.workload.apply({
      target: { ...target, route },
      smoke: [],
      routing: { apiPrefixes: [`/api/${applied++}/`] },
    });
  await apply();
  await journey.untilRollout(await journey.rolloutOf(await journey.ship()), "completed");
  await journey.owner.createNotificationChannel({
    params: { project: "main" },
    body: { name: "ours", target: { kind: "webhook", url: `${receiver.url}/hook` } },
  });
});
afterAll(async () => {
  await journey?.end();
  cloud?.close();
  await receiver?.stop();
});

let atMs = 0;
const clock: Clock = { ...systemClock, monotonic: () => atMs };
/** Beside the server's own, which has not spoken to targets for long enough in a test: with time that passes as the test says. */
const controller = (fence: number) =>
  new FailingTargetsController({
    database: journey.installation.database,
    clock,
    lease: { fence: () => fence, guards: async () => true },
  });
const rows = async () => (await journey.owner.listTargets({})).items;
const failsFor = (ms: number) =>
  journey.installation.database.pool.query(
    "update target_route set failing_since = failing_since - make_interval(secs => $1)",
    [ms / 1_000],
  );
const told = async () =>
  (
    await journey.owner.listLedger({ params: { project: "main" }, query: { type: "delivery.target", limit: 50 } })
  ).items.reverse();
/** The script is called when there is something to say, and once a minute: another configuration is something to say. */
const fails = async (words: string) => {
  writeFileSync(down, words);
  await apply();
  return until(`it says ${words}`, async () => (await rows()).some((target) => target.error?.includes(words)));
};
const works = () => {
  rmSync(down);
  return until("it works", async () => (await rows()).every((target) => target.error === null));
};

it("is told of once an outage, whatever words it finds, and once when it is over; a short one is nothing", async () => {
  const first = controller(1);
  await first.tick();
  atMs += UNREACHABLE_AFTER_MS;
  await fails("the balancer is away");
  await first.tick();
  await works();
  await first.tick();
  expect(await told()).toEqual([]);

  await fails("the balancer is away");
  await failsFor(UNREACHABLE_AFTER_MS);
  // Other words are no other outage.
  await fails("still away");
  await first.tick();
  await first.tick();
  await until("it is on record", async () => (await told()).length === 1);
  // Another server speaks to it first, and knows what was told.
  const second = controller(2);
  await second.tick();
  atMs += UNREACHABLE_AFTER_MS;
  await second.tick();
  await works();
  await second.tick();
  await second.tick();
  const entries = await until("its end is on record", async () => {
    const items = await told();
    return items.length >= 2 && items;
  });
  expect(entries.map(({ type }) => type)).toEqual(["delivery.target.unreachable", "delivery.target.returned"]);
  const [lost, back] = entries.map(({ data }) => String((data as { words: string }).words));
  expect(lost).toMatch(/^The target command of .* in production has not done what it is asked for \d+ s.* still away/);
  expect(back).toContain("does what it is asked again, after");
  await until("it arrived", () =>
    receiver.taken.some(({ body }) => String(body).includes("delivery.target.unreachable")),
  );
  // With the first channel's rule one is told of what went wrong, not of what is fine.
  expect(receiver.taken.filter(({ body }) => String(body).includes("delivery.target"))).toHaveLength(1);
});
