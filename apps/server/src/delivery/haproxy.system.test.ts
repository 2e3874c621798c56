import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { HaproxyServer, hasHaproxy, Visitor } from "../testing/haproxy.ts";
import { Journey } from "../testing/journey.ts";
import { Hopeless, until } from "../testing/until.ts";

if (!hasHaproxy) console.warn("!!! SKIPPED: haproxy is not here, so nothing is routed by a real HAProxy.");

let journey: Journey;
let haproxy: HaproxyServer;
let url: string;

const STEPS = [
  { trafficPercent: 10, bakeMs: 0, minimumRequests: 100 },
  { trafficPercent: 50, bakeMs: 0, minimumRequests: 100 },
];

async function begin(also: Partial<ServiceConfigInput> = {}): Promise<void> {
  const bind = `127.0.0.1:${await freePort()}`;
  journey = await Journey.begin({ target: { kind: "haproxy", bind }, smoke: [], ...also });
  url = `http://${bind}`;
  haproxy = new HaproxyServer(
    join(journey.installation.dir, "haproxy", `${journey.workload.name}-production`, "haproxy.cfg"),
  );
  await haproxy.start();
}
/** The first release, all the way, by HAProxy's acknowledgement alone: no gateway is there. */
async function shipFirst(): Promise<void> {
  const rollout = await journey.rolloutOf(await journey.ship({ page: "old" }));
  await journey.untilRollout(rollout, "completed");
}
/** New visitors until so many have got each page. */
async function visitorsOf(...pages: (readonly [text: string, count: number])[]): Promise<Map<string, Visitor[]>> {
  const found = new Map(pages.map(([text]) => [text, [] as Visitor[]]));
  await until("visitors of both releases", async () => {
    const visitor = new Visitor(url);
    const { text } = await visitor.get();
    found.get(text)?.push(visitor);
    return pages.every(([page, count]) => (found.get(page)?.length ?? 0) >= count);
  });
  return found;
}

describe.skipIf(!hasHaproxy)("a service behind a real HAProxy", () => {
  afterEach(async () => {
    await haproxy.stop();
    await journey.end();
  });

  it("is rolled back for its errors under sticky visitors, none of whom reaches the canary afterwards", async () => {
    await begin();
    await shipFirst();
    expect((await new Visitor(url).get()).text).toBe("old");
    const canary = await journey.shipCanary({ page: null });
    const caught = (await visitorsOf(["sorry", 3], ["old", 3])).get("sorry") ?? [];
    for (const visitor of caught) expect((await visitor.get()).text).toBe("sorry");
    const crowd = [...caught, ...Array.from({ length: 20 }, () => new Visitor(url))];
    const ended = await until("it is rolled back", async () => {
      await Promise.all(crowd.map((visitor) => visitor.get()));
      await Promise.all(crowd.map((visitor) => visitor.get("/api/leads")));
      const seen = await journey.rollout(canary.id);
      return seen.state === "rolled_back" ? seen : null;
    });
    expect(ended.acknowledged).toBe(true);
    for (const visitor of crowd) expect((await visitor.get()).text).toBe("old");
    for (const visitor of crowd) expect((await visitor.get("/api/leads")).text).toBe("old");
    expect(ended.arms.find((arm) => arm.arm === "canary")?.errors).toBeGreaterThan(0);
    expect(ended.blastRadius?.users).toBeGreaterThan(0);
  });

  /** Everybody looks. Of forty who stay where they are, all may be at the old one (0.9 to the power of 40: 1.5 %): then one more comes. */
  const look = async (crowd: Visitor[]): Promise<void> => {
    const seen = await Promise.all(crowd.map((visitor) => visitor.get()));
    if (!seen.some(({ text }) => text === "new")) crowd.push(new Visitor(url));
  };

  it("goes from step to step by HAProxy's own counts, and serves a person's word at once", async () => {
    await begin();
    await shipFirst();
    const canary = await journey.shipCanary({ page: "new" });
    const crowd = Array.from({ length: 40 }, () => new Visitor(url));
    const second = await until("it is at its second step", async () => {
      await Promise.all(crowd.map((visitor) => visitor.get("/api/x")));
      await look(crowd);
      const now = await journey.rollout(canary.id);
      return now.trafficPercent === 50 ? now : null;
    });
    expect(journey.kindsOf(second)).toContain("advanced");
    await journey.act(canary.id, "promote", "it is good");
    await journey.untilRollout(canary.id, "holdback");
    const acknowledged = await until("HAProxy has acknowledged it", async () => {
      const now = await journey.rollout(canary.id);
      return now.acknowledged ? now : null;
    });
    expect(acknowledged.trafficPercent).toBe(95);
    await visitorsOf(["new", 20]);
  });

  it("goes all the way by itself when it is well, by HAProxy's own counts alone", async () => {
    // What a busy machine adds to the times of either is no harm of the release.
    await begin({ strategy: { steps: STEPS, holdbackMs: 0 }, analysis: { latencyFloorMs: 5_000, settleMs: 0 } });
    await shipFirst();
    const canary = await journey.shipCanary({ page: "new" });
    const crowd = Array.from({ length: 40 }, () => new Visitor(url));
    const ended = await until("it is promoted", async () => {
      await Promise.all(crowd.map((visitor) => visitor.get("/api/x")));
      await look(crowd);
      const seen = await journey.rollout(canary.id);
      if (seen.finishedAt !== null && seen.state !== "completed") throw new Hopeless(journey.wordsOf(seen));
      return seen.finishedAt === null ? null : seen;
    });
    // Nobody but the judge has decided.
    expect(new Set(ended.decisions.map(({ actor }) => actor))).toEqual(new Set(["Latchkey"]));
    expect(journey.kindsOf(ended)).toEqual(["exposed", "advanced", "promoted", "completed"]);
    expect(ended.arms.find(({ arm }) => arm === "canary")?.requests).toBeGreaterThanOrEqual(200);
    for (const visitor of crowd) expect((await visitor.get()).text).toBe("new");
  });

  it("has the newest shares again after HAProxy was killed, and rolls nothing on while it is away", async () => {
    await begin();
    await shipFirst();
    await journey.shipCanary({ page: "new" });
    await visitorsOf(["new", 1], ["old", 1]);
    await haproxy.stop();
    await haproxy.start();
    await until("it answers", async () => (await new Visitor(url).get().catch(() => null))?.status === 200);
    await visitorsOf(["new", 1], ["old", 1]);
  });
});
