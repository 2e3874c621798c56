import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { until } from "./until.ts";

export interface StreamEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}

/** Reads server-sent events over a connection of its own (the "event stream" of the HTML standard, what of it is used). */
export class EventStream {
  readonly events: StreamEvent[] = [];
  status = 0;
  body = "";
  ended = false;
  #rest = "";
  #response: IncomingMessage | null = null;
  readonly #request: ClientRequest;

  constructor(url: string, headers: Record<string, string> = {}, options: { reads?: boolean } = {}) {
    this.#request = request(url, { headers, agent: false }, (response) => {
      this.status = response.statusCode ?? 0;
      this.#response = response;
      response.setEncoding("utf8");
      response.on("close", () => {
        this.ended = true;
      });
      response.on("error", () => {
        this.ended = true;
      });
      if (options.reads !== false) this.read();
    });
    this.#request.on("error", () => {
      this.ended = true;
    });
    this.#request.end();
  }

  /** Begins to read: until then the other side's bytes pile up. */
  read(): void {
    this.#response?.on("data", (part: string) => {
      this.body += part;
      const blocks = (this.#rest + part).split("\n\n");
      this.#rest = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    });
  }

  #take(block: string): void {
    const field = (name: string) =>
      block
        .split("\n")
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2) ?? null;
    const data = field("data");
    if (data !== null) this.events.push({ id: field("id"), event: field("event") ?? "message", data });
  }

  /** Numbers of the ledger entries that came. */
  get sequences(): number[] {
    return this.events.filter((e) => e.event === "ledger").map((e) => Number(e.id));
  }

  async opened(): Promise<this> {
    await until("the stream is answered", () => this.status !== 0);
    return this;
  }

  close(): void {
    this.#request.destroy();
  }
}
