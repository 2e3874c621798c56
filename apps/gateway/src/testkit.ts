import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ArmCounter, GatewayReport, RoutingArm, RoutingService, RoutingTable } from "@latchkey/api/gateway";

/** Real peers for the system test: HTTP servers on free ports of the loopback. */
export interface Peer {
  readonly origin: string;
  readonly server: Server;
  /** Ends it at once, with its connections. */
  kill(): Promise<void>;
}

export async function startPeer(listener: RequestListener, port = 0): Promise<Peer> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", () => done()));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    server,
    kill: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

type SummedField = Exclude<
  keyof ArmCounter,
  | "service"
  | "environment"
  | "generation"
  | "arm"
  | "releaseId"
  | "routeClass"
  | "latency"
  | "halfLatency"
  | "users"
  | "events"
>;

/** A control plane that speaks the polling protocol and keeps what it was told. */
export class ControlPeer {
  table: RoutingTable | null = null;
  readonly reports: GatewayReport[] = [];
  /** What was asked of its archive of assets. */
  readonly archived: { readonly url: string; readonly authorization: string | undefined }[] = [];
  acknowledged = { epoch: 0, n: 0 };
  peer: Peer | null = null;
  /** Its loop of rollouts hangs: it answers, and says that nobody watches. */
  isUnwatched = false;
  #waiting: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  async start(port = 0): Promise<string> {
    this.peer = await startPeer((req, res) => this.#answer(req, res), port);
    return this.peer.origin;
  }

  /** Resolves once the condition holds; looks again with each poll and report. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((next) => this.#watchers.push(next));
  }

  publish(table: RoutingTable): Promise<void> {
    this.table = table;
    for (const wake of this.#waiting.splice(0)) wake();
    return this.until(() => this.acknowledged.n === table.generation.n);
  }

  /** The newest counters of an arm, summed over generations of the latest state of each row. */
  sum(pick: (c: ArmCounter) => boolean, field: SummedField): number {
    const rows = new Map<string, ArmCounter>();
    for (const report of this.reports) {
      for (const c of report.counters)
        rows.set(JSON.stringify([c.service, c.generation, c.arm, c.releaseId, c.routeClass]), c);
    }
    return [...rows.values()].filter(pick).reduce((sum, c) => sum + (c[field] ?? 0), 0);
  }

  #changed(): void {
    for (const next of this.#watchers.splice(0)) next();
  }

  #answer(req: IncomingMessage, res: Parameters<RequestListener>[1]): void {
    const url = new URL(req.url ?? "/", "http://peer");
    if (url.pathname.startsWith("/artifacts/")) {
      this.archived.push({ url: url.pathname, authorization: req.headers.authorization });
      res.writeHead(404).end();
      return;
    }
    if (req.headers.authorization !== "Bearer secret") {
      res.writeHead(401).end();
      return;
    }
    if (this.isUnwatched) res.setHeader("x-latchkey-unwatched", "1");
    if (req.method === "POST") {
      let text = "";
      req.on("data", (part) => {
        text += part;
      });
      req.on("end", () => {
        this.reports.push(JSON.parse(text));
        res.writeHead(204).end();
        this.#changed();
      });
      return;
    }
    this.acknowledged = { epoch: Number(url.searchParams.get("epoch")), n: Number(url.searchParams.get("n")) };
    this.#changed();
    const give = () => {
      const body = JSON.stringify(this.table);
      res.writeHead(200, { "content-type": "application/json" }).end(body);
    };
    if (this.table !== null && this.table.generation.n > this.acknowledged.n) give();
    else this.#waiting.push(give);
  }
}

export function arm(name: RoutingArm["arm"], origins: string[], weightPercent: number): RoutingArm {
  return { arm: name, releaseId: `rel_${name}`, release: `1.0.0-${name}`, upstreams: origins, weightPercent };
}

export function tableOf(n: number, arms: RoutingArm[], more: Partial<RoutingService> = {}): RoutingTable {
  const generation = { epoch: 1, n };
  return {
    generation,
    services: [
      {
        service: "leads",
        environment: "production",
        deploymentId: "dep_1",
        rolloutId: "rol_1",
        hosts: ["*"],
        generation,
        arms,
        assetUpstreams: [],
        apiPrefixes: ["/api"],
        injectBeacon: false,
        ...more,
      },
    ],
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** One request over its own connection, as a visitor would send it. */
export function ask(
  origin: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((done, fail) => {
    const sent = request(
      `${origin}${path}`,
      { method: options.method ?? "GET", headers: options.headers ?? {}, agent: false },
      (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (part) => {
          text += part;
        });
        res.on("end", () => done({ status: res.statusCode ?? 0, headers: res.headers, text }));
        res.on("error", fail);
      },
    );
    sent.on("error", fail);
    sent.end(options.body);
  });
}
