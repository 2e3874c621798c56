import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { pino } from "pino";
import { expect } from "vitest";
import { CommandHost } from "../platform/adapters/command/host.ts";
import { CommandRouter } from "../platform/adapters/command/router.ts";
import { HaproxyMachine } from "../platform/adapters/haproxy/machine.ts";
import { httpProber } from "../platform/adapters/local/prober.ts";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { NetlifyClient } from "../platform/adapters/netlify/client.ts";
import { NetlifyHost } from "../platform/adapters/netlify/host.ts";
import { systemClock } from "../platform/clock.ts";
import { Cloud } from "../testing/command-target/cloud.ts";
import { testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { HaproxyServer, hasHaproxy, Visitor } from "../testing/haproxy.ts";
import { FakeNetlify } from "../testing/netlify/fake.ts";
import { folderOf } from "../testing/netlify/serving.ts";
import { type RouterOnTrial, routerContract, type TargetOnTrial, targetContract } from "../testing/target-contract.ts";
import { HostedTarget } from "./hosted-target.controller.ts";
import { localTargetHere } from "./local-target.controller.ts";
import { TargetByKind } from "./target-by-kind.ts";

if (!hasHaproxy) console.warn("!!! SKIPPED: haproxy is not here, so its router is not tried.");
const log = pino({ level: "silent" });
const UNWELL = 'export const handler = async () => ({ statusCode: 503, body: "ill" });\n';

/** A database with the releases that the suite makes: a row of what runs is a release's. */
async function databaseWithReleases(): Promise<Awaited<ReturnType<typeof testDatabase>>> {
  const database = await testDatabase();
  await database.pool.query(
    "insert into service (project, name, config, config_digest, root) values ('main', 'shop', '{}', '', '')",
  );
  await database.pool.query(`insert into release (id, project, service, number, digest, created_by, size_bytes, files)
    select 'rel_' || n, 'main', 'shop', n, n, 'a test', 0, '[]' from generate_series(1, 20) n`);
  return database;
}

async function targetOf(kind: "local" | "haproxy" | "command"): Promise<TargetOnTrial> {
  const database = await databaseWithReleases();
  const dir = temporaryDirectory();
  const cloud = new Cloud(join(dir, "cloud"));
  const acting = { mayAct: () => true, onMoved: async () => {} };
  const processes = () => localTargetHere({ database, log, dir, ...acting });
  const again = () => {
    const host = new CommandHost(join(dir, "command"));
    const hostOf = (asked: string) => (asked === "command" ? host : null);
    const hosted = new HostedTarget({ database, log, clock: systemClock, prober: httpProber, hostOf, ...acting });
    return new TargetByKind(processes(), hosted);
  };
  return {
    ...{ dir, target: again(), again, hasLog: kind !== "command" },
    config: kind === "command" ? cloud.config({ routes: false }) : { kind },
    close: async () => {
      cloud.close();
      await processes().endAll();
      await database.drop();
      removeDirectory(dir);
    },
  };
}

/** A site of a played Netlify: each release is a deploy of it. */
async function netlifyTarget(mode: "git" | "upload"): Promise<TargetOnTrial> {
  const database = await databaseWithReleases();
  const dir = temporaryDirectory();
  const netlify = await FakeNetlify.start();
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const again = () => {
    const client = new NetlifyClient({ apiUrl: netlify.url, token: async () => netlify.token, wait });
    // No push begins a build: Netlify is asked for one.
    const host = new NetlifyHost({ client, wait, now: () => performance.now(), lookMs: 5, appearsMs: 0 });
    const hostOf = (asked: string) => (asked === "netlify" ? host : null);
    const acting = { mayAct: () => true, onMoved: async () => {} };
    return new HostedTarget({ database, log, clock: systemClock, prober: httpProber, hostOf, ...acting });
  };
  return {
    ...{ dir, target: again(), again, hasLog: false, keepsRetired: mode === "git" },
    config: { kind: "netlify", ...{ siteId: netlify.siteId, mode, branch: "main", buildTimeoutMs: 60_000 } },
    make: ({ releaseName, releaseId }, what) => {
      const folder = folderOf(releaseName, what === "ill" ? { healthz: UNWELL } : {});
      const commit = createHash("sha1").update(releaseId).digest("hex");
      netlify.builds.set(commit, folder);
      netlify.head = commit;
      return { commit, artifactDir: folder.dir, healthPath: what === "ill" ? "/api/healthz" : "/healthz" };
    },
    startsOf: ({ releaseId }) => netlify.titles.filter((title) => title.endsWith(` ${releaseId}`)).length,
    close: async () => {
      expect(netlify.violations).toEqual([]);
      await netlify.stop();
      await database.drop();
      removeDirectory(dir);
    },
  };
}

async function saying(text: string): Promise<{ url: string; server: Server }> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, server };
}
async function releases() {
  const [old, fresh] = await Promise.all([saying("old"), saying("new")]);
  const end = () => {
    for (const { server } of [old, fresh]) {
      server.closeAllConnections();
      server.close();
    }
  };
  return { upstreams: [old.url, fresh.url] as const, end };
}

async function commandRouter(): Promise<RouterOnTrial> {
  const dir = temporaryDirectory();
  const cloud = new Cloud(join(dir, "cloud"));
  const { upstreams, end } = await releases();
  const url = await cloud.listen();
  const made: CommandRouter[] = [];
  const place = { folder: join(dir, "command"), service: "shop", environment: "production" };
  return {
    upstreams,
    again: () => {
      const router = new CommandRouter(place, cloud.config({ routes: true }), () => performance.now());
      made.push(router);
      return router;
    },
    visit: async () => (await fetch(url)).text(),
    close: async () => {
      for (const router of made) router.close();
      cloud.close();
      end();
      removeDirectory(dir);
    },
  };
}

async function haproxyRouter(): Promise<RouterOnTrial> {
  const folder = temporaryDirectory();
  const { upstreams, end } = await releases();
  const bind = `127.0.0.1:${await freePort()}`;
  const haproxy = new HaproxyServer(join(folder, "haproxy.cfg"));
  const starting = haproxy.start();
  const made: HaproxyMachine[] = [];
  return {
    upstreams,
    again: () => {
      // As after a crash: the log's port is free again.
      for (const machine of made) machine.close();
      const machine = new HaproxyMachine({ folder, bind, isWatching: () => true }, () => performance.now());
      made.push(machine);
      return machine;
    },
    visit: async () => (await new Visitor(`http://${bind}`).get()).text,
    close: async () => {
      await starting;
      await haproxy.stop();
      for (const machine of made) machine.close();
      end();
      removeDirectory(folder);
    },
  };
}

targetContract("local", () => targetOf("local"));
targetContract("haproxy", () => targetOf("haproxy"));
targetContract("command", () => targetOf("command"));
targetContract("netlify (built by Netlify)", () => netlifyTarget("git"));
targetContract("netlify (uploaded)", () => netlifyTarget("upload"));
routerContract("command", commandRouter);
if (hasHaproxy) routerContract("haproxy", haproxyRouter);
