import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { pino } from "pino";
import { CommandHost } from "../platform/adapters/command/host.ts";
import { CommandRouter } from "../platform/adapters/command/router.ts";
import { HaproxyMachine } from "../platform/adapters/haproxy/machine.ts";
import { httpProber } from "../platform/adapters/local/prober.ts";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { systemClock } from "../platform/clock.ts";
import { Cloud } from "../testing/command-target/cloud.ts";
import { testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { HaproxyServer, hasHaproxy, Visitor } from "../testing/haproxy.ts";
import { type RouterOnTrial, routerContract, type TargetOnTrial, targetContract } from "../testing/target-contract.ts";
import { HostedTarget } from "./hosted-target.controller.ts";
import { localTargetHere } from "./local-target.controller.ts";
import { TargetByKind } from "./target-by-kind.ts";

if (!hasHaproxy) console.warn("!!! SKIPPED: haproxy is not here, so its router is not tried.");
const log = pino({ level: "silent" });

async function targetOf(kind: "local" | "haproxy" | "command"): Promise<TargetOnTrial> {
  const database = await testDatabase();
  // A process row is a release's: these are the ones that the suite makes.
  await database.pool.query(
    "insert into service (project, name, config, config_digest, root) values ('main', 'shop', '{}', '', '')",
  );
  await database.pool.query(`insert into release (id, project, service, number, digest, created_by, size_bytes, files)
    select 'rel_' || n, 'main', 'shop', n, n, 'a test', 0, '[]' from generate_series(1, 20) n`);
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
      const machine = new HaproxyMachine({ folder, bind }, () => performance.now());
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
routerContract("command", commandRouter);
if (hasHaproxy) routerContract("haproxy", haproxyRouter);
