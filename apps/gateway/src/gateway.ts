import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { join } from "node:path";
import type { Logger } from "pino";
import type { GatewayConfig } from "./config.ts";
import { Control } from "./control.ts";
import { Counters } from "./counters.ts";
import { Silence } from "./dead-man.ts";
import { followTable, type PollState } from "./poll.ts";
import { CONNECTIONS_MAX, TrafficServer } from "./proxy.ts";
import { Reporter } from "./report.ts";
import { Servers } from "./servers.ts";
import { readTableFile, TableHolder } from "./table.ts";
import { Upstreams } from "./upstreams.ts";

/** Shorter than the 12 s after which the supervisor ends us: the last report still leaves. */
const DRAIN_MS = 8_000;
const WATCH_EVERY_MS = 500;

export interface RunningGateway {
  readonly port: number;
  /** What visitors speak to: its events tell of each request that was read. */
  readonly server: Server;
  /** Ends requests in flight, sends the last report, lets everything go. */
  stop(): Promise<void>;
}

/** Starts a gateway. Rejects only when its own port cannot be had; the server may be away. */
export async function startGateway(config: GatewayConfig, log: Logger): Promise<RunningGateway> {
  const boot = randomUUID();
  const file = join(config.dir, "routing.json");
  const holder = new TableHolder();
  const upstreams = new Upstreams(config.serverUrls.map((url) => new URL(url).origin));
  const servers = new Servers(config.serverUrls);
  const counters = new Counters(Date.now);
  const state: PollState = { serverReachable: false };
  holder.onChange((table) => upstreams.keepOnly(table));
  const kept = readTableFile(file);
  if (kept !== null) {
    holder.apply(kept);
    log.info({ generation: kept.generation }, "serving by the table kept on disk");
  }
  const health = () => ({
    status: holder.current === null ? "waiting" : "ok",
    gateway: config.gatewayId,
    boot,
    generation: holder.current?.generation ?? null,
    services: holder.current?.services.map((s) => ({
      service: s.service,
      environment: s.environment,
      deploymentId: s.deploymentId,
      arms: s.arms.map((a) => ({ arm: a.arm, release: a.release, weightPercent: a.weightPercent })),
    })),
    serverReachable: state.serverReachable,
    server: servers.current,
    residentBytes: process.memoryUsage.rss(),
    lostCounterRows: counters.lostRows,
  });
  const proxy = new TrafficServer({ config, holder, counters, upstreams, servers, log, health });
  await new Promise<void>((done, fail) => {
    proxy.server.once("error", fail);
    const where = config.listenFd === undefined ? { port: config.port, host: config.host } : { fd: config.listenFd };
    // As many may wait to be taken as are taken at most: beyond Node's own 511 the kernel drops them.
    proxy.server.listen({ ...where, backlog: CONNECTIONS_MAX }, () => done());
  });
  proxy.server.on("error", (error) => log.error({ reason: String(error) }, "listener error"));
  const address = proxy.server.address();
  const port = typeof address === "object" && address !== null ? address.port : config.port;

  const silence = new Silence(performance.now());
  holder.onChange(() => silence.over(performance.now()));
  const watching = setInterval(() => {
    if (!holder.watch(silence, performance.now())) return;
    log.warn(
      { services: health().services },
      "nobody watches the canaries, or somebody does again: visitors go elsewhere",
    );
  }, WATCH_EVERY_MS);
  const control = new Control(config, boot, servers, silence);
  const reporter = new Reporter(control, counters, holder, { gateway: config.gatewayId, boot }, log);
  reporter.start();
  const stopping = new AbortController();
  const following = followTable(control, holder, file, state, log, stopping.signal);
  return {
    port,
    server: proxy.server,
    async stop() {
      clearInterval(watching);
      await proxy.drain(DRAIN_MS);
      stopping.abort();
      await following;
      await reporter.stop();
      await Promise.all([upstreams.destroy(), control.close()]);
    },
  };
}
