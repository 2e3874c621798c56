import { afterEach, describe, expect, it } from "vitest";
import { NetlifyJourney } from "../testing/netlify/journey.ts";
import { until } from "../testing/until.ts";

let site: NetlifyJourney;
afterEach(async () => {
  const { violations } = site.netlify;
  await site.end();
  expect(violations).toEqual([]);
});

describe.each(["git", "upload"] as const)("a site released by %s, behind our gateway", (mode) => {
  it("is canaried at the deploy's own address and then published; a bad one is taken back by itself", async () => {
    site = await NetlifyJourney.begin({ mode, split: "gateway" });
    const { journey, netlify } = site;
    const first = await journey.rolloutOf((await site.ship("shop one")).deploymentId);
    await journey.drive(first, {}, "completed");
    expect(await site.siteText()).toBe("shop one");
    const one = netlify.publishedId;
    await until("publishing is locked", () => netlify.published?.locked);

    const second = await journey.rolloutOf((await site.ship("shop two")).deploymentId);
    await journey.drive(second, { requests: 400 }, "holdback");
    // On trial it is at its own address only.
    expect(netlify.publishedId).toBe(one);
    const arms = journey.gateway.serviceOf(journey.workload.name)?.arms ?? [];
    const canary = arms.find((arm) => arm.arm === "canary")?.upstreams[0] ?? "";
    expect(await (await fetch(`${canary}/`)).text()).toBe("shop two");
    expect(await (await fetch(`${canary}/api/ping`)).text()).toBe("pong");
    await journey.act(second, "promote", "seen enough");
    await journey.drive(second, {}, "completed");
    await until("it is published", async () => (await site.siteText()) === "shop two");
    const two = netlify.publishedId;
    await until("publishing is locked again", () => netlify.published?.locked);

    const third = await journey.rolloutOf((await site.ship("shop three")).deploymentId);
    await journey.untilRollout(third, "progressing");
    await journey.drive(third, { requests: 400, canary: { errorRatio: 0.5 } }, "rolled_back");
    expect(netlify.publishedId).toBe(two);
    expect(await site.siteText()).toBe("shop two");
    const { items } = await journey.owner.listTargets({ params: { project: "main" }, query: {} });
    expect(items[0]).toMatchObject({ kind: "netlify", routedBy: "gateway" });
    expect(items[0]?.deploys?.find((deploy) => deploy.isPublished)).toMatchObject({ id: two, isLocked: true });
  });
});

/** A browser's cookies. */
class Visitor {
  readonly #jar = new Map<string, string>();

  async get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
    const cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { headers: { ...headers, cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      this.#jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return { status: answer.status, text: await answer.text() };
  }
}

describe("a site whose Edge Function splits the traffic", () => {
  it("is judged by what the edges counted, taken back for its errors, and published when it is good", async () => {
    site = await NetlifyJourney.begin({ mode: "git", split: "edge" });
    const { journey, netlify } = site;
    const { variable } = await journey.owner.getNetlifyEdge({
      params: { project: "main", service: journey.workload.name },
      query: {},
    });
    await netlify.installEdge(variable);
    const first = await journey.rolloutOf((await site.ship("shop one")).deploymentId);
    await journey.untilRollout(first, "completed");
    await until("it is published", async () => (await site.siteText()) === "shop one");
    const one = netlify.publishedId;

    const second = await journey.rolloutOf((await site.ship("shop two", { fails: true })).deploymentId);
    await journey.untilRollout(second, "progressing");
    const crowd = Array.from({ length: 40 }, () => new Visitor());
    const ended = await until("it is rolled back", async () => {
      await Promise.all(crowd.map((visitor) => visitor.get(`${netlify.siteUrl}/`)));
      await Promise.all(crowd.map((visitor) => visitor.get(`${netlify.siteUrl}/api/ping`)));
      const seen = await journey.rollout(second);
      return seen.state === "rolled_back" ? seen : null;
    });
    expect(ended.acknowledged).toBe(true);
    expect(ended.arms.find((arm) => arm.arm === "canary")?.errors).toBeGreaterThan(0);
    for (const visitor of crowd) expect((await visitor.get(`${netlify.siteUrl}/`)).text).toBe("shop one");
    expect(netlify.publishedId).toBe(one);
  });
});
