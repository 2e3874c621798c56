import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { RoutePlan } from "@latchkey/core/delivery/ports";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { HaproxyServer, hasHaproxy, Visitor } from "../../../testing/haproxy.ts";
import { until } from "../../../testing/until.ts";
import { freePort } from "../local/process-table.ts";
import { HaproxyMachine } from "./machine.ts";
import { askHaproxy } from "./socket.ts";

if (!hasHaproxy) console.warn("!!! SKIPPED: haproxy is not here, so its dead man's switch is not tried.");

/** A release that is well, and says its name. */
async function saying(text: string): Promise<Server> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe.skipIf(!hasHaproxy)("a HAProxy whose server is not there, or does not watch", () => {
  let folder: string;
  let bind: string;
  let haproxy: HaproxyServer;
  let releases: readonly [Server, Server];
  let machine: HaproxyMachine;
  let isWatching: boolean;
  let crowd: Visitor[];

  beforeEach(async () => {
    folder = temporaryDirectory();
    bind = `127.0.0.1:${await freePort()}`;
    releases = [await saying("old"), await saying("new")];
    isWatching = true;
    crowd = [];
    machine = begun();
    haproxy = new HaproxyServer(join(folder, "haproxy.cfg"));
  });
  afterEach(async () => {
    await haproxy.stop();
    machine.close();
    for (const release of releases) {
      release.closeAllConnections();
      release.close();
    }
    removeDirectory(folder);
  });

  const begun = () => new HaproxyMachine({ folder, bind, isWatching: () => isWatching }, () => performance.now());
  const plan = (n: number, percent: number, isArmed: boolean): RoutePlan => ({
    ...{ service: "shop", environment: "production", deploymentId: "dep_1", generation: { epoch: 1, n } },
    arms: (["baseline", "canary"] as const).map((arm, i) => ({
      ...{ arm, releaseId: `rel_${arm}`, release: `shop@${i + 1}` },
      ...{ upstreams: [addressOf(releases[i === 0 ? 0 : 1])], weightPercent: i === 0 ? 100 - percent : percent },
    })),
    ...{ apiPrefixes: ["/api"], healthPath: "/healthz", counted: [], deadMan: { isArmed, afterMs: 2_000 } },
  });
  const serve = async (asked: RoutePlan) => {
    const starting = haproxy.start();
    await until("it is served", async () => (await machine.route(asked)).ok);
    await starting;
  };
  /** What visitors get, of whom half come anew and half have been there: pages, and answers of the API. */
  const texts = async (): Promise<Set<string>> => {
    crowd = [...crowd.slice(-20), ...Array.from({ length: 20 }, () => new Visitor(`http://${bind}`))];
    const got = await Promise.all(crowd.flatMap((visitor) => [visitor.get(), visitor.get("/api/x")]));
    return new Set(got.map(({ text }) => text));
  };

  it("sends nobody to the canary once no server has answered for long enough, and again when one watches for a while", async () => {
    await serve(plan(1, 50, true));
    await until("visitors of both", async () => (await texts()).size === 2);
    machine.close();
    await until("the old release alone", async () => [...(await texts())].join() === "old");
    expect([...(await texts())]).toEqual(["old"]);
    machine = begun();
    await until("it is spoken to again", async () => (await machine.route(plan(1, 50, true))).ok);
    await until("visitors of both", async () => (await texts()).size === 2);
  });

  it("does so too where a server is there and looks after nothing", async () => {
    await serve(plan(1, 50, true));
    await until("visitors of both", async () => (await texts()).size === 2);
    isWatching = false;
    await until("the old release alone", async () => [...(await texts())].join() === "old");
  });

  it("keeps the shares of what is at no risk", async () => {
    await serve(plan(1, 50, false));
    isWatching = false;
    await until(
      "HAProxy has noticed",
      async () => (await machine.route(plan(1, 50, false))).ok && (await watchIsDown()),
    );
    expect((await texts()).size).toBe(2);
  });

  async function watchIsDown(): Promise<boolean> {
    const answer = await askHaproxy(join(folder, "haproxy.sock"), ["show servers state latchkey-watch"]);
    return answer.ok && /latchkey-watch \d+ server 127\.0\.0\.1 0 /.test(answer.value);
  }
});
