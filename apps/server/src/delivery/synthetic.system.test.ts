import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Tallies } from "@latchkey/core/delivery/synthetic";
import { afterEach, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";
import { MARKED, SYNTHETIC_HEADER, SyntheticTraffic } from "./synthetic-traffic.ts";

let ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
});

interface Release {
  readonly url: string;
  readonly got: string[];
  readonly rollouts: Set<string>;
  server: Server;
}

/** A release that answers what it is told to, and remembers what it was asked. */
async function release(o: { status?: number; marks?: boolean } = {}): Promise<Release> {
  const got: string[] = [];
  const rollouts = new Set<string>();
  const server = createServer((request, response) => {
    got.push(request.method ?? "");
    rollouts.add(String(request.headers[SYNTHETIC_HEADER]));
    if (o.marks) response.setHeader(SYNTHETIC_HEADER, MARKED);
    response.writeHead(o.status ?? 200).end("hello");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got, rollouts, server };
}

const READ = { path: "/", method: "GET", status: 200, contains: "hello" } as const;
const WRITE = { path: "/leads", method: "POST", status: 200, body: { name: "Synthetic" } } as const;

/** Sends until `enough`, and answers all that was counted. */
async function send(baseline: Release, canary: Release, enough: (t: Tallies) => boolean): Promise<Tallies> {
  const traffic = new SyntheticTraffic();
  ends.push(() => traffic.stop());
  const wish = {
    requestsPerSecond: 400,
    journeys: [READ, WRITE],
    addresses: { baseline: baseline.url, canary: canary.url },
  };
  let all: Tallies | null = null;
  return until("enough was sent", async () => {
    traffic.tend("rol_1", wish);
    const taken = traffic.take("rol_1");
    if (taken) {
      // What a look could not use comes again.
      traffic.giveBack("rol_1", taken);
      all = traffic.take("rol_1");
      if (all) traffic.giveBack("rol_1", all);
    }
    return all && enough(all) ? all : null;
  });
}
const total = (t: Tallies) => t.baseline.requests + t.canary.requests;

describe("synthetic journeys", () => {
  it("go to both releases by a fair coin, and count what is not answered as declared", async () => {
    const [good, bad] = [await release(), await release({ status: 503 })];
    const t = await send(good, bad, (seen) => total(seen) >= 200);
    // 200 throws of a fair coin: fewer than 60 of one side come once in 100 million times.
    expect(t.canary.requests).toBeGreaterThan(60);
    expect(t.baseline.requests).toBeGreaterThan(60);
    expect(t.canary.errors).toBe(t.canary.requests);
    expect(t.baseline.errors).toBe(0);
    expect([...good.rollouts]).toEqual(["rol_1"]);
  });

  it("write only where both releases say that they mark it", async () => {
    const [marks, doesNot] = [await release({ marks: true }), await release()];
    await send(marks, doesNot, (seen) => total(seen) >= 60);
    expect([...marks.got, ...doesNot.got]).not.toContain("POST");
    const [one, other] = [await release({ marks: true }), await release({ marks: true })];
    await send(one, other, () => one.got.includes("POST") && other.got.includes("POST"));
  });

  it("count a release that does not answer at all", async () => {
    const [good, gone] = [await release(), await release()];
    gone.server.close();
    const t = await send(good, gone, (seen) => seen.canary.requests >= 10);
    expect(t.canary.errors).toBe(t.canary.requests);
  });
});

const ONE_STEP = { steps: [{ trafficPercent: 10, bakeMs: 0, minimumRequests: 0 }], holdbackMs: 0 };

describe("a site without visitors", () => {
  const begin = async () => {
    const journey = await Journey.begin({
      strategy: ONE_STEP,
      smoke: [],
      synthetic: { requestsPerSecond: 20, journeys: [{ path: "/page", contains: "shop" }] },
    });
    ends.push(() => journey.end());
    await journey.shipFirst();
    return journey;
  };

  /** The gateway is there and follows; nobody comes through it. */
  const endsAs = (journey: Journey, id: string, state: "completed" | "rolled_back") =>
    until(`the rollout is ${state}`, async () => {
      await journey.gateway.acknowledge();
      const seen = await journey.rollout(id);
      return seen.state === state ? seen : null;
    });

  it("has a healthy release judged by them, and is told so", async () => {
    const journey = await begin();
    const { id } = await journey.shipCanary({ version: "2" });
    const seen = await until("some were counted", async () => {
      const now = await journey.rollout(id);
      return (now.report?.canaryRequests ?? 0) >= 30 ? now : null;
    });
    expect(seen.report?.reasons.join(" ")).toMatch(/\d+ of its \d+ canary requests were synthetic journeys/);
    expect(seen.report?.guards.find(({ guard }) => guard === "no_traffic")?.state).toBe("quiet");
    expect(seen.report?.metrics.find(({ metric }) => metric === "errors")?.lnSafe).toBeGreaterThan(0);
    expect(seen.blastRadius).toMatchObject({ requests: 0 });
    await journey.act(id, "promote", "seen enough");
    await endsAs(journey, id, "completed");
    expect(await journey.explain(id)).toMatchObject({ agrees: true, evidenceIntact: true });
  });

  it("has its broken release rolled back before a visitor meets it", async () => {
    const journey = await begin();
    const { id } = await journey.shipCanary({ page: null, version: "2" });
    const ended = await endsAs(journey, id, "rolled_back");
    expect(ended.report?.verdict).toBe("FAIL");
    expect(ended.blastRadius).toMatchObject({ requests: 0, users: 0 });
  });
});
