import { createServer, type Server } from "node:http";

/**
 * Answers HAProxy whether anybody looks at what a canary does to visitors. HAProxy asks every second, as it asks its releases
 * how they are; no answer is a no.
 */
export class WatchServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens for this machine only. Rejects where the port is taken. */
  static listen(port: number, isWatching: () => boolean): Promise<WatchServer> {
    const server = createServer((_, response) => {
      response.writeHead(isWatching() ? 200 : 503, { connection: "close" }).end();
    });
    server.on("connection", (socket) => socket.unref());
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve(new WatchServer(server)));
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
