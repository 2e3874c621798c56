import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { AssetSearch } from "./assets.ts";
import { BEACON_PATH, BEACON_SCRIPT_PATH, PageViews, receiveBeacon, sendBeaconScript } from "./beacon.ts";
import { bodyOf, declaredTooLarge } from "./body.ts";
import type { GatewayConfig } from "./config.ts";
import type { Counters } from "./counters.ts";
import { credentialFor } from "./credential.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import { smuggling } from "./headers.ts";
import { sendJson, sendPage } from "./pages.ts";
import type { Servers } from "./servers.ts";
import type { TableHolder } from "./table.ts";
import type { Upstreams } from "./upstreams.ts";
import { planVisit } from "./visit.ts";
import { passUpgrade, refuseUpgrade } from "./websocket.ts";

const HEADER_LIMIT_BYTES = 16 * 1024;

const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
/** Longer than the 60 s of most proxies that may stand in front: they, not we, end what they keep. */
const IDLE_TIMEOUT_MS = 65_000;
const CHECK_EVERY_MS = 1_000;
/** 4,000 visitors' connections and as many to releases (128 each) stay far below the usual limit of 2^16 open files. */
export const CONNECTIONS_MAX = 4_000;

export interface TrafficParts {
  readonly config: GatewayConfig;
  readonly holder: TableHolder;
  readonly counters: Counters;
  readonly upstreams: Upstreams;
  readonly servers: Servers;
  readonly log: Logger;
  /** What /__latchkey/healthz answers. */
  readonly health: () => Record<string, unknown>;
}

const nothing = (): void => undefined;

/** The HTTP server that visitors speak to. */
export class TrafficServer {
  readonly #parts: TrafficParts;
  readonly #views = new PageViews();
  readonly #context: ExchangeContext;
  readonly #sockets = new Set<Duplex>();
  readonly server: Server;
  #draining = false;

  constructor(parts: TrafficParts) {
    this.#parts = parts;
    this.#context = {
      upstreams: parts.upstreams,
      views: this.#views,
      assets: new AssetSearch(parts.upstreams, credentialFor(parts.config), () => parts.servers.current),
      trustProxy: parts.config.trustProxy,
    };
    this.server = createServer(
      {
        maxHeaderSize: HEADER_LIMIT_BYTES,
        // Strict parsing is the first guard against request smuggling; `smuggling` is the second.
        insecureHTTPParser: false,
        requireHostHeader: true,
        headersTimeout: parts.config.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
        // A slow sender is let go at most this much later; Node's own 30 s would triple the time-out.
        connectionsCheckingInterval: CHECK_EVERY_MS,
        requestTimeout: parts.config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
        keepAliveTimeout: parts.config.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
        noDelay: true,
      },
      (request, response) => this.#guarded(request, response),
    );
    this.server.maxConnections = CONNECTIONS_MAX;
    // A body that would be refused is refused before it is sent.
    this.server.on("checkContinue", (request, response) => {
      if (!declaredTooLarge(request, parts.config.bodyLimitBytes)) response.writeContinue();
      this.#guarded(request, response);
    });
    this.server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Stops listening and lets requests in flight end, for at most `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    const timer = setTimeout(() => {
      this.server.closeAllConnections();
      for (const socket of this.#sockets) socket.destroy();
    }, withinMs);
    // A WebSocket has no end to wait for; its page connects again.
    for (const socket of this.#sockets) socket.end();
    await closed;
    clearTimeout(timer);
  }

  #guarded(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#handle(request, response);
    } catch (error) {
      this.#parts.log.error({ reason: String(error), stack: (error as Error).stack }, "request failed in the gateway");
      if (response.headersSent) response.destroy();
      else sendPage(response, 502);
    }
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", nothing);
    if (this.#draining) response.setHeader("connection", "close");
    if (smuggling(request) !== null) {
      sendPage(response, 400, { connection: "close" });
      return;
    }
    const { config, holder, counters } = this.#parts;
    if (declaredTooLarge(request, config.bodyLimitBytes)) {
      sendPage(response, 413, { connection: "close" });
      return;
    }
    if (request.url?.startsWith("/__latchkey/")) {
      this.#own(request, response);
      return;
    }
    const visit = planVisit(holder.current, request, counters, config.trustProxy);
    if (typeof visit === "number") {
      sendPage(response, visit, visit === 503 ? { "retry-after": "3" } : {});
      return;
    }
    const body = bodyOf(request, config.bodyLimitBytes);
    new Exchange(this.#context, visit, request, response, body).start();
  }

  #own(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").split("?")[0];
    if (path === "/__latchkey/healthz") sendJson(response, 200, this.#parts.health());
    else if (path === BEACON_SCRIPT_PATH) sendBeaconScript(response);
    else if (path === BEACON_PATH) receiveBeacon(request, response, this.#views);
    else sendJson(response, 404, { error: "not found" });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    const { config, holder, counters, upstreams } = this.#parts;
    const { headers } = request;
    // A body before the switch of protocols would be read as the first bytes of the new one.
    const withBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? "0") !== 0;
    if (this.#draining || smuggling(request) !== null || withBody) {
      refuseUpgrade(socket, this.#draining ? 503 : 400);
      return;
    }
    try {
      const visit = planVisit(holder.current, request, counters, config.trustProxy);
      if (typeof visit === "number") refuseUpgrade(socket, visit);
      else passUpgrade(visit, upstreams, config.trustProxy, request, socket, head);
    } catch (error) {
      this.#parts.log.error({ reason: String(error) }, "upgrade failed in the gateway");
      refuseUpgrade(socket, 502);
    }
  }
}
