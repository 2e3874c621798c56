import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach } from "vitest";
import type { GatewayConfig } from "./config.ts";
import { type RunningGateway, startGateway } from "./gateway.ts";
import { ControlPeer, type Peer, startPeer } from "./testkit.ts";

/** A gateway with a control plane and releases, all real, made anew for each test of the file that calls `scene()`. */
export class Scene {
  dir = "";
  control = new ControlPeer();
  gateway: RunningGateway | null = null;
  origin = "";
  config: GatewayConfig | null = null;
  readonly peers: Peer[] = [];

  async open(more: Partial<GatewayConfig> = {}): Promise<void> {
    this.dir = mkdtempSync(join(tmpdir(), "latchkey-gateway-"));
    writeFileSync(join(this.dir, "token"), "secret\n");
    this.control = new ControlPeer();
    this.config = {
      serverUrls: [await this.control.start()],
      tokenFile: join(this.dir, "token"),
      host: "127.0.0.1",
      port: 0,
      dir: this.dir,
      gatewayId: "gw_test",
      bodyLimitBytes: 1_000_000,
      trustProxy: false,
      logLevel: "silent",
      ...more,
    };
    await this.start();
  }

  async start(): Promise<void> {
    if (this.config === null) throw new Error("the scene is not open");
    this.gateway = await startGateway(this.config, pino({ level: "silent" }));
    this.origin = `http://127.0.0.1:${this.gateway.port}`;
  }

  async close(): Promise<void> {
    await this.gateway?.stop();
    await this.control.peer?.kill();
    await Promise.all(this.peers.splice(0).map((p) => p.kill()));
    rmSync(this.dir, { recursive: true });
  }

  async peer(listener: (req: IncomingMessage, res: ServerResponse) => void): Promise<Peer> {
    const peer = await startPeer(listener);
    this.peers.push(peer);
    return peer;
  }

  /** A release: says its name, echoes bodies, streams, has assets, and answers anything else with its page. */
  async release(name: string, assets: Record<string, string> = {}): Promise<Peer> {
    const peer = await this.peer((req, res) => answerAsRelease(name, assets, req, res));
    peer.server.on("upgrade", (req, socket) => {
      const key = createHash("sha1").update(`${req.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${key.digest("base64")}\r\n\r\n`,
      );
      socket.on("error", () => undefined);
      socket.pipe(socket);
    });
    return peer;
  }

  /** Sends bytes as they are and resolves with all that came back until the gateway closed. */
  async raw(text: string): Promise<string> {
    const socket = connect(Number(new URL(this.origin).port), "127.0.0.1");
    socket.write(text, "latin1");
    let answer = "";
    for await (const part of socket) answer += part;
    return answer;
  }
}

function answerAsRelease(name: string, assets: Record<string, string>, req: IncomingMessage, res: ServerResponse) {
  const path = (req.url ?? "/").split("?")[0] ?? "/";
  const asset = assets[path];
  if (asset !== undefined) res.writeHead(200, { "content-type": "text/javascript" }).end(asset);
  else if (path === "/api/echo") req.pipe(res);
  else if (path === "/api/sink") req.resume().on("end", () => res.end("all of it"));
  else if (path === "/api/breaks") res.write("half", () => res.destroy());
  else if (path === "/api/never") req.resume();
  else if (path === "/api/fail") res.writeHead(500).end();
  else if (path === "/api/headers") res.end(JSON.stringify(req.headers));
  else if (path.startsWith("/api/")) res.end(name);
  else if (path === "/missing") res.writeHead(404).end();
  else if (path === "/csp") {
    res.writeHead(200, { "content-type": "text/html", "content-security-policy": "script-src 'none'" });
    res.end("<html><head></head></html>");
  } else {
    const page = `<!doctype html><html><head><title>${name}</title></head></html>`;
    res.writeHead(200, { "content-type": "text/html", "content-length": page.length, "cache-control": "max-age=7" });
    res.end(page);
  }
}

/** Opens a scene before each test of the calling file and closes it afterwards. */
export function scene(more: Partial<GatewayConfig> = {}): Scene {
  const made = new Scene();
  beforeEach(() => made.open(more));
  afterEach(() => made.close());
  return made;
}
