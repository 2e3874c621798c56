import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { arrivals, seeded, seedOf, weighted } from "@latchkey/core/shared/random";
import { afterEach, describe, expect, it } from "vitest";
import { Traffic } from "../traffic.ts";
import { Browser, newProfile } from "./browser.ts";
import { freshForMs, readPage, runsAsScript } from "./page.ts";
import { Tally } from "./tally.ts";

describe("chance", () => {
  it("comes again from its seed, and is another for another session", () => {
    const draw = (seed: number) => Array.from({ length: 5 }, seeded(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(seedOf(7, 1))).not.toEqual(draw(seedOf(7, 2)));
  });
  it("lets visitors arrive by a Poisson process: mean and variance of counts per second agree", () => {
    const counts = new Array<number>(2_000).fill(0);
    for (const at of arrivals(seeded(3), 12)) {
      const second = Math.floor(at / 1000);
      if (second >= counts.length) break;
      counts[second] = (counts[second] ?? 0) + 1;
    }
    const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
    const variance = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / counts.length;
    expect(mean).toBeCloseTo(12, 0);
    // The ratio's standard error is sqrt(2 / 2000) = 3 %.
    expect(variance / mean).toBeGreaterThan(0.88);
    expect(variance / mean).toBeLessThan(1.12);
  });
  it("draws kinds by their weights", () => {
    const random = seeded(5);
    const drawn = Array.from({ length: 10_000 }, () => weighted(random, { seller: 0.4, bouncer: 0.25, agent: 0.35 }));
    expect(drawn.filter((k) => k === "agent").length / 10_000).toBeCloseTo(0.35, 1);
  });
});

describe("a page", () => {
  const html = `<!doctype html><html><head><script src="/__latchkey/beacon.js" data-view="v1"></script>
    <script type="module" crossorigin src="/assets/index-1.js"></script>
    <link rel="stylesheet" crossorigin href="/assets/index-1.css"><link rel="icon" href="data:,"></head></html>`;
  it("is read as a browser reads it", () => {
    expect(readPage(html)).toEqual({
      scripts: ["/assets/index-1.js"],
      styles: ["/assets/index-1.css"],
      beaconScript: "/__latchkey/beacon.js",
      view: "v1",
    });
  });
  it("runs only what is a script", () => {
    expect(runsAsScript(200, "text/javascript; charset=utf-8")).toBe(true);
    expect(runsAsScript(200, "text/html; charset=utf-8")).toBe(false);
    expect(runsAsScript(404, "text/javascript")).toBe(false);
  });
  it("is kept for as long as it says", () => {
    expect(freshForMs("public, max-age=60, immutable")).toBe(60_000);
    expect(freshForMs("no-cache")).toBe(0);
    expect(freshForMs("no-store")).toBeNull();
  });
});

describe("users touched", () => {
  it("are distinct visitors, however many errors each saw", () => {
    const tally = new Tally();
    for (const status of [200, 500, null, 503]) tally.answered(1, "/", status, "leads@2");
    tally.answered(2, "/", 404, "leads@1");
    tally.brokenPage(3);
    expect(tally.usersTouched).toBe(2);
    expect(tally.visitorsOf("leads@2")).toBe(1);
    expect(tally.counts).toMatchObject({ errors: 2, failed: 1, refused: 1, brokenPages: 1 });
  });
});

describe("against a server", () => {
  let server: Server | null = null;
  const listen = async (listener: Parameters<typeof createServer>[1]): Promise<string> => {
    const made = createServer(listener);
    server = made;
    await new Promise<void>((done) => made.listen(0, "127.0.0.1", () => done()));
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
  };
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((done) => (server ? server.close(done) : done(null)));
    server = null;
  });

  it("a browser tells of a script that is a page, asks again with its tag, and takes the style from its cache", async () => {
    const asked: string[] = [];
    const beacons: string[] = [];
    const url = await listen((request, response) => {
      asked.push(`${request.url} ${request.headers["if-none-match"] ?? ""}`.trim());
      if (request.method === "POST") {
        request.on("data", (part) => beacons.push(JSON.parse(String(part)).kind));
        request.on("end", () => response.writeHead(204).end());
      } else if (request.url === "/" && request.headers["if-none-match"] === 'W/"1"') {
        response.writeHead(304, { etag: 'W/"1"', "cache-control": "no-cache" }).end();
      } else if (request.url === "/assets/a.css") {
        response.writeHead(200, { "content-type": "text/css", "cache-control": "max-age=60" }).end("b{}");
      } else if (request.url === "/__latchkey/beacon.js") {
        response.writeHead(200, { "content-type": "text/javascript", "cache-control": "max-age=60" }).end("");
      } else {
        const page = `<script src="/__latchkey/beacon.js" data-view="v"></script><script src="/assets/gone.js"></script><link rel="stylesheet" href="/assets/a.css">`;
        const headers = { "content-type": "text/html", etag: 'W/"1"', "cache-control": "no-cache" };
        response.writeHead(200, headers).end(page);
      }
    });
    const tally = new Tally();
    const browser = new Browser(url, newProfile(9), () => tally);
    expect(await browser.open("/", "/")).toBe(false);
    expect(await browser.open("/", "/")).toBe(false);
    browser.close();
    expect(beacons).toEqual(["error", "load", "error", "load"]);
    expect(asked.filter((a) => a.startsWith("/assets/a.css"))).toHaveLength(1);
    expect(asked).toContain('/ W/"1"');
    expect(tally.counts).toMatchObject({ brokenPages: 2, notModified: 1, pages: 2 });
    expect(tally.usersTouched).toBe(1);
  });

  it("visitors arrive though nothing is answered, and what is too much is counted", async () => {
    let hangs = true;
    const url = await listen((_, response) => {
      if (!hangs) response.destroy();
    });
    const traffic = new Traffic({ url, sessionsPerSecond: 400, seed: 1, sessionsMax: 20 });
    traffic.start();
    const enough = () => traffic.tally.counts.dropped >= 30;
    while (!enough()) await new Promise((resolve) => setImmediate(resolve));
    expect(traffic.underWay).toBe(20);
    hangs = false;
    server?.closeAllConnections();
    await traffic.stop();
    expect(traffic.tally.counts.failed).toBeGreaterThanOrEqual(20);
  });
  it("goes to this machine only", () => {
    expect(() => new Traffic({ url: "http://example.com", sessionsPerSecond: 1, seed: 1 })).toThrow("this machine");
  });
});
