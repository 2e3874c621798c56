import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What was answered; null when it was left without an answer. */
  status: number | null;
}
type Answerer = (received: Received, response: ServerResponse, request: IncomingMessage) => void;

/** A real receiver of webhooks on the loopback, which answers as it is told. */
export class Receiver {
  readonly received: Received[] = [];
  answer: Answerer = (_, response) => response.writeHead(204).end();
  #server: Server | null = null;
  #port = 0;

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const received: Received = {
          path: request.url ?? "",
          headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
          body: Buffer.concat(parts).toString("utf8"),
          status: null,
        };
        this.received.push(received);
        response.on("finish", () => {
          received.status = response.statusCode;
        });
        this.answer(received, response, request);
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Nobody is there any more; the next start takes the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  /** Those that were answered with a success. */
  get taken(): Received[] {
    return this.received.filter((one) => one.status !== null && one.status < 300);
  }
}
