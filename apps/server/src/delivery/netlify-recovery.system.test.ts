import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuiltServer } from "../testing/built-server.ts";
import { NetlifyJourney } from "../testing/netlify/journey.ts";
import { until } from "../testing/until.ts";

/** The server is killed between the steps of a release on Netlify; each is done once in the end. */
let site: NetlifyJourney<BuiltServer>;

beforeAll(async () => {
  site = await NetlifyJourney.beginBuilt({ mode: "upload", split: "gateway" });
});
afterAll(async () => {
  const { violations } = site.netlify;
  await site.end();
  expect(violations).toEqual([]);
});

async function killAndStart(): Promise<void> {
  await site.journey.installation.kill();
  await site.journey.installation.start();
  site.journey.gateway = site.journey.gatewayAgain();
}
const askedFor = (pattern: RegExp) => site.netlify.asked.filter((line) => pattern.test(line)).length;

it("makes one deploy of a release whose server is killed as soon as Netlify has it, and publishes it", async () => {
  const { journey, netlify } = site;
  const rollout = await journey.rolloutOf((await site.ship("shop one")).deploymentId);
  await until("Netlify has the deploy", () => netlify.deploys.length === 1);
  await killAndStart();
  await journey.drive(rollout, {}, "completed");
  expect(askedFor(/POST .*\/deploys$/)).toBe(1);
  await until(
    "it is published and locked",
    () => netlify.published?.title?.includes("@1 ") && netlify.published.locked,
  );
});

it("takes a release back whose server is killed at its first error, and deletes what nobody saw", async () => {
  const { journey, netlify } = site;
  const before = netlify.publishedId;
  const rollout = await journey.rolloutOf((await site.ship("shop two")).deploymentId);
  await journey.untilRollout(rollout, "progressing");
  await journey.gateway.serve({ requests: 400, canary: { errorRatio: 0.5 } });
  await killAndStart();
  await journey.drive(rollout, { requests: 400, canary: { errorRatio: 0.5 } }, "rolled_back");
  expect(netlify.publishedId).toBe(before);
  await until("only the served deploy is left", async () => {
    await journey.gateway.serve({});
    return netlify.deploys.length === 1;
  });
  expect(await site.siteText()).toBe("shop one");
});
