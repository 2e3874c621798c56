import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Answer } from "@latchkey/api/client";
import { contract, type RouteSpec } from "@latchkey/api/contract";
import type { Problem } from "@latchkey/api/models";
import { type PathSpec, paths, type RouteName } from "@latchkey/api/paths";
import { streamEvents } from "@latchkey/api/stream";

/**
 * A server that holds both sides to the contract: it refuses a request that the contract does not allow, and fails a
 * test that lets it answer what the contract does not promise. What it answers is the test's business.
 */
export interface Asked {
  readonly name: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Record<string, unknown>;
  readonly body: unknown;
}
export type Answers = { [N in RouteName]?: (asked: Asked) => Answer<N> | Refusal };

/** An answer that is a problem instead. */
export class Refusal {
  readonly problem: Problem;
  constructor(status: number, code: string, detail = "It was refused.", fields?: Problem["fields"]) {
    this.problem = {
      type: "about:blank",
      title: "Refused",
      status,
      code,
      detail,
      remedy: "Do something else.",
      requestId: "req_1",
      ...(fields ? { fields } : {}),
    };
  }
}

export const TOKEN = "lk_test";

export class ContractServer {
  readonly asked: Asked[] = [];
  /** Where one of the sides broke the contract. Every test expects none. */
  readonly violations: string[] = [];
  answers: Answers = {};
  /** false: the stream is refused, as by a server that has just come up. */
  streams = true;
  readonly #open = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => {
    this.#respond(request, response).catch((error: unknown) => {
      this.violations.push(String(error));
      response.writeHead(500).end("{}");
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.endStreams();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  emit<K extends keyof typeof streamEvents>(event: K, data: unknown): void {
    const parsed = streamEvents[event].parse(data);
    const id = event === "ledger" ? `id: ${(parsed as { sequence: number }).sequence}\n` : "";
    for (const response of this.#open) response.write(`${id}event: ${event}\ndata: ${JSON.stringify(parsed)}\n\n`);
  }

  endStreams(): void {
    for (const response of this.#open) response.end();
    this.#open.clear();
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://contract");
    const found = match(request.method ?? "", url.pathname);
    const isPublic = found !== null && paths[found.name].action === "public";
    if (!isPublic && request.headers.authorization !== `Bearer ${TOKEN}`)
      return refuse(response, new Refusal(401, "LK_UNAUTHENTICATED"));
    if (url.pathname === "/api/v1/stream") return this.#stream(response);
    if (!found) {
      this.violations.push(`no route ${request.method} ${url.pathname}`);
      return refuse(response, new Refusal(404, "LK_NOT_FOUND"));
    }
    const rules: RouteSpec = contract[found.name];
    if (request.method !== "GET" && !request.headers["idempotency-key"])
      this.violations.push(`${found.name} without an Idempotency-Key`);
    const query = rules.query?.safeParse(Object.fromEntries(url.searchParams));
    const body = rules.body?.safeParse(await readJson(request));
    for (const parsed of [query, body])
      if (parsed?.error) this.violations.push(`${found.name}: ${parsed.error.message}`);
    if (query?.error || body?.error) return refuse(response, new Refusal(400, "LK_INVALID"));
    const asked: Asked = { ...found, query: query?.data ?? {}, body: body?.data };
    this.asked.push(asked);
    const give = this.answers[found.name];
    const answer = give ? give(asked) : new Refusal(404, "LK_NOT_FOUND", `Nothing at ${url.pathname}.`);
    if (answer instanceof Refusal) return refuse(response, answer);
    const checked = rules.answers.safeParse(answer);
    if (!checked.success) this.violations.push(`answer of ${found.name}: ${checked.error.message}`);
    response.writeHead(rules.status, { "content-type": "application/json" });
    response.end(rules.status === 204 ? undefined : JSON.stringify(answer));
  }

  #stream(response: ServerResponse): void {
    if (!this.streams) {
      refuse(response, new Refusal(503, "LK_UNAVAILABLE"));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": open\n\n");
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
  }
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.problem.status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify(refusal.problem));
}

function match(method: string, path: string): { name: RouteName; params: Record<string, string> } | null {
  for (const name of Object.keys(paths) as RouteName[]) {
    const spec: PathSpec = paths[name];
    const pattern = new RegExp(`^${spec.path.replace(/:([a-zA-Z]+)/g, "(?<$1>[^/]+)")}$`);
    const found = spec.method === method ? pattern.exec(path) : null;
    if (!found) continue;
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name, params: Object.fromEntries(params) as Record<string, string> };
  }
  return null;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown);
}
