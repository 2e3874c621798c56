import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:net";
import type { ArmCounter, RoutingService } from "@latchkey/api/gateway";
import { generationKey } from "@latchkey/core/delivery/generation";
import type { RoutePlan } from "@latchkey/core/delivery/ports";
import { Counters } from "../../../../../gateway/src/counters.ts";
import { eventsOf } from "../../../../../gateway/src/events.ts";
import { classOf } from "../../../../../gateway/src/route.ts";
import { addressOf } from "./configuration.ts";

/** A line is at most 2,000 bytes: what is longer is not HAProxy's. */
const LINE_BYTES_MAX = 8_000;
const CONNECTIONS_MAX = 8;
/** Requests that began under a routing of before end soon; a stream that lasted longer is counted nowhere. */
const GENERATIONS_KEPT = 20;

/** Where a slot of HAProxy's backend led, by generation. */
interface Routing {
  readonly service: RoutingService;
  readonly armOf: ReadonlyMap<string, RoutingService["arms"][number]>;
}

/**
 * Counts what HAProxy has logged as our gateway counts its own: the same classes, units and histograms, so that the judge
 * needs to know nothing of HAProxy. A request counts on the release that it was drawn for, also where another answered.
 */
export class HaproxyCounts {
  readonly boot = randomUUID();
  readonly #counters: Counters;
  readonly #routings = new Map<string, Routing>();
  #news: (hasErrors: boolean) => void = () => {};
  /** Lines that could not be read, or that no release is known of. */
  unread = 0;
  unattributed = 0;

  constructor(now: () => number) {
    this.#counters = new Counters(now);
    this.#counters.onChange = (urgent) => this.#news(urgent);
  }

  onNews(news: (hasErrors: boolean) => void): void {
    this.#news = news;
  }

  /** From now on lines of this generation are understood. */
  follow(plan: RoutePlan, slotOf: (address: string) => string | undefined): void {
    const key = generationKey(plan.generation);
    const arms = plan.arms.map((arm) => ({ ...arm, upstreams: [...arm.upstreams] }));
    const service: RoutingService = {
      service: plan.service,
      environment: plan.environment,
      deploymentId: plan.deploymentId,
      generation: plan.generation,
      arms,
      rolloutId: null,
      hosts: [],
      assetUpstreams: [],
      apiPrefixes: [...plan.apiPrefixes],
      injectBeacon: false,
      counted: [...plan.counted],
    };
    const armOf = new Map(arms.flatMap((arm) => [[slotOf(addressOf(arm)) ?? "", arm] as const]));
    const known = this.#routings.get(key);
    // The same objects keep their rows near.
    if (known && JSON.stringify([...known.armOf]) === JSON.stringify([...armOf])) return;
    this.#routings.set(key, { service, armOf });
    for (const old of [...this.#routings.keys()].slice(0, -GENERATIONS_KEPT)) this.#routings.delete(old);
  }

  /** One line of the log, as `configuration.ts` has it written. */
  take(line: string): void {
    const parts = line.split("\t");
    if (parts.length < 13) {
      this.unread += 1;
      return;
    }
    const [generation = "", slot = "", server, status, ...rest] = parts;
    const [queued, connected, answered, ended = "", method = "", visitor = "", path = "", dest = "", accept = ""] =
      rest;
    const routing = this.#routings.get(generation);
    const arm = routing?.armOf.get(slot);
    if (!routing || !arm) {
      this.unattributed += 1;
      return;
    }
    const said = (text: string) => (text === "" || text === "-" ? undefined : text);
    const asked = { method, path: said(path) ?? "/", accept: said(accept), dest: said(dest) };
    const routeClass = classOf(routing.service, asked);
    const unit = routeClass === "api" ? null : (said(visitor) ?? null);
    const row = this.#counters.row(routing.service, arm, routeClass);
    // "C" at the start: the visitor left. HAProxy's own 5xx, and an answer by another release, are failures of this one.
    const elsewhere = server !== slot;
    const failed = !ended.startsWith("C") && (elsewhere || Number(status) >= 500 || Number(status) < 0);
    const times = [queued, connected, answered].map(Number).filter((ms) => ms >= 0);
    row.request(
      times.reduce((sum, ms) => sum + ms, 0),
      failed,
      said(visitor) ?? null,
      unit,
    );
    // The answer had begun well, and broke off: the release's doing where HAProxy says "S".
    if (!failed && ended.startsWith("S")) row.laterError(unit);
    if (!elsewhere) for (const metric of eventsOf(routing.service, asked, Number(status))) row.event(metric);
  }

  /** Cumulative counts that have changed since the last ones that were taken; all of them with `everything`. */
  report(everything: boolean): { readonly counters: ArmCounter[]; readonly taken: () => void } {
    const current = [...this.#routings.values()].at(-1)?.service;
    this.#counters.prune(current ? { generation: current.generation, services: [current] } : null);
    const rows = this.#counters.rows().filter((row) => everything || row.version !== row.reported);
    const sent = rows.map((row) => ({ row, version: row.version, counter: row.snapshot() }));
    return {
      counters: sent.map(({ counter }) => counter),
      taken: () => {
        for (const { row, version } of sent) row.reported = version;
      },
    };
  }
}

/** Takes HAProxy's log in: lines over TCP, from this machine only. HAProxy keeps what it can't send for a while. */
export class LogReceiver {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects where the port is taken. */
  static listen(port: number, onLine: (line: string) => void): Promise<LogReceiver> {
    const server = createServer((socket) => {
      let rest = "";
      socket.on("error", () => socket.destroy());
      socket.on("data", (bytes) => {
        const lines = (rest + bytes.toString("latin1")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(line);
        if (rest.length > LINE_BYTES_MAX) socket.destroy();
      });
    });
    server.maxConnections = CONNECTIONS_MAX;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve(new LogReceiver(server)));
      server.on("connection", (socket) => socket.unref());
    });
  }

  close(): void {
    this.#server.close();
  }
}
