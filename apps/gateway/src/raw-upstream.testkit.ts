import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

/** A request as it arrived at the release, byte by byte. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly string[];
}

/** A release that reads its requests with a strict parser of its own, and keeps what came and what should not have come. */
export class RawUpstream {
  readonly arrived: Arrived[] = [];
  /** What a gateway must never send on. */
  readonly faults: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      let held = Buffer.alloc(0);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      socket.on("data", (part) => {
        held = Buffer.concat([held, part]);
        for (let used = this.#take(held, socket); used > 0; used = this.#take(held, socket)) held = held.subarray(used);
      });
    });
  }

  static async start(): Promise<RawUpstream> {
    const made = new RawUpstream();
    await new Promise<void>((done) => made.#server.listen(0, "127.0.0.1", () => done()));
    return made;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What came so far is of no interest any more. */
  forget(): void {
    this.arrived.length = 0;
    this.faults.length = 0;
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Answers the first request of the bytes when it is whole; how many bytes it had, or 0. */
  #take(bytes: Buffer, socket: Socket): number {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
    this.#checkHead(first, lines);
    const value = (name: string) =>
      lines
        .find((l) => l.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    const from = end + 4;
    const length = value("content-length");
    const until = value("transfer-encoding") ? endOfChunks(bytes, from) : from + Number(length ?? "0");
    if (until === null || bytes.length < until) return 0;
    const [method = "", target = ""] = first.split(" ");
    this.arrived.push({ method, target, lines });
    const body = method === "HEAD" ? "" : target;
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body, "latin1")}\r\n\r\n${body}`, "latin1");
    return until;
  }

  #checkHead(first: string, lines: readonly string[]): void {
    const fault = (words: string) => this.faults.push(`${words}: ${[first, ...lines].join(" | ").slice(0, 500)}`);
    if (!/^[A-Z-]+ \/[\x21-\x7e\x80-\xff]* HTTP\/1\.1$/.test(first)) fault("a first line that is none");
    const names = lines.map((line) => line.slice(0, Math.max(0, line.indexOf(":"))).toLowerCase());
    if (!names.every((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))) fault("a header whose name is none");
    if (lines.some((line) => /[\0\r\n]/.test(line))) fault("a control character in a header");
    const count = (name: string) => names.filter((other) => other === name).length;
    if (count("host") > 1) fault("two hosts");
    if (count("content-length") + count("transfer-encoding") > 1) fault("two framings");
    if (count("x-latchkey-arm") !== 1 || names.includes("x_latchkey_arm")) fault("another's word about the arm");
    for (const name of ["te", "trailer", "upgrade", "expect", "proxy-authorization"])
      if (count(name) > 0 && !lines.includes("upgrade: websocket")) fault(`the visitor's ${name}`);
    if (lines.some((line) => line.includes("6.6.6.6"))) fault("the visitor's word about its address");
  }
}

/** Where a body of well-formed chunks ends; null when it has not ended yet. */
function endOfChunks(bytes: Buffer, from: number): number | null {
  for (let at = from; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (size === 0) return bytes.length >= end + 4 ? end + 4 : null;
    at = end + 2 + size + 2;
    if (bytes.length < at) return null;
  }
}
