import type { RoutePlan } from "@latchkey/core/delivery/ports";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeDeploy, FakeNetlify } from "../../../testing/netlify/fake.ts";
import { folderOf } from "../../../testing/netlify/serving.ts";
import { NetlifyClient } from "./client.ts";
import { NetlifyRouter } from "./router.ts";

let netlify: FakeNetlify;
let asked: RoutePlan["generation"] | null;
let remembered: boolean[];
let atMs: number;
let one: FakeDeploy;
let two: FakeDeploy;
let client: NetlifyClient;

beforeEach(async () => {
  netlify = await FakeNetlify.start();
  [asked, remembered, atMs] = [null, [], 0];
  client = new NetlifyClient({ apiUrl: netlify.url, token: async () => netlify.token, wait: async () => {} });
  const made = async (commit: string, page: string) => {
    netlify.builds.set(commit, folderOf(page));
    const deploy = netlify.push(commit);
    while (deploy.state !== "ready") await client.deploys(netlify.siteId);
    return deploy;
  };
  one = await made("1".repeat(40), "one");
  two = await made("2".repeat(40), "two");
  netlify.publishedId = one.id;
});
afterEach(async () => {
  expect(netlify.violations).toEqual([]);
  await netlify.stop();
});

/** As after a restart: nothing is remembered but what the database has. */
const router = () =>
  new NetlifyRouter({
    ...{ client, siteId: netlify.siteId, now: () => atMs },
    asked: async () => asked,
    remember: async (wasLocked) => {
      remembered.push(wasLocked);
    },
    saw: async () => {},
  });
const armOf = (arm: "baseline" | "canary" | "holdback", deploy: FakeDeploy, weightPercent: number) => ({
  ...{ arm, releaseId: `rel_${deploy.id}`, release: "shop@1", weightPercent },
  upstreams: [deploy.deploy_ssl_url ?? ""],
});
const plan = (n: number, ...arms: RoutePlan["arms"]): RoutePlan => ({
  ...{ service: "shop", environment: "production", deploymentId: "dep_1", generation: { epoch: 1, n }, arms },
  ...{ apiPrefixes: [], healthPath: "/", counted: [], deadMan: { isArmed: false, afterMs: 300_000 } },
});
const siteText = async () => (await fetch(netlify.siteUrl)).text();

describe("what a site shows", () => {
  it("stays the old release while a new one has a share, and is the new one when it is all that is served", async () => {
    const r = router();
    await r.route(plan(1, armOf("baseline", one, 90), armOf("canary", two, 10)));
    expect(await siteText()).toBe("one");
    await r.route(plan(2, armOf("holdback", one, 5), armOf("canary", two, 95)));
    expect(await siteText()).toBe("one");
    await r.route(plan(3, armOf("baseline", two, 100)));
    expect(await siteText()).toBe("two");
    await r.route(plan(4, armOf("baseline", one, 100)));
    expect(await siteText()).toBe("one");
  });

  it("is not moved back by an older generation, also not by another server", async () => {
    asked = { epoch: 1, n: 5 };
    expect((await router().route(plan(5, armOf("baseline", two, 100)))).ok).toBe(true);
    const refused = await router().route(plan(4, armOf("baseline", one, 100)));
    expect(refused.ok ? "" : refused.error.kind).toBe("older");
    expect(await siteText()).toBe("two");
  });

  it("is done once when it is asked twice, and set right when somebody published another one by hand", async () => {
    const r = router();
    const both = plan(1, armOf("baseline", two, 100));
    await r.route(both);
    await r.route(both);
    expect(netlify.asked.filter((line) => line.endsWith("/restore"))).toHaveLength(1);
    netlify.publishedId = one.id;
    atMs += 60_000;
    await r.route(both);
    expect(await siteText()).toBe("two");
  });

  it("is what was asked for after a publication whose answer was lost", async () => {
    netlify.lostAnswers.push(/restore$/);
    const wanted = plan(1, armOf("baseline", two, 100));
    expect((await router().route(wanted)).ok).toBe(false);
    expect((await router().route(wanted)).ok).toBe(true);
    expect(netlify.asked.filter((line) => line.endsWith("/restore"))).toHaveLength(1);
  });

  it("is locked, so that nothing that Netlify builds goes live by itself; how it was is remembered before", async () => {
    await router().route(plan(0));
    expect(one.locked).toBe(true);
    expect(remembered).toEqual([false]);
    const three = netlify.push("1".repeat(40));
    while (three.state !== "ready") await client.deploys(netlify.siteId);
    expect(netlify.publishedId).toBe(one.id);
  });

  it("is told to fail when Netlify knows no such deploy, or refuses", async () => {
    const gone = { ...two, deploy_ssl_url: "http://127.0.0.1:1" };
    const missing = await router().route(plan(1, armOf("baseline", gone, 100)));
    expect(missing.ok ? "" : missing.error.words).toContain("knows no deploy at http://127.0.0.1:1");
    netlify.refusals.push({ match: /restore$/, status: 403 });
    const refused = await router().route(plan(1, armOf("baseline", two, 100)));
    expect(refused.ok ? "" : refused.error.words).toContain("Netlify answered 403 to POST");
  });
});
