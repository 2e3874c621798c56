import type { z } from "zod";
import type { Contract } from "./contract.ts";
import type { Problem } from "./models.ts";
import { type PathSpec, paths, type RouteName } from "./paths.ts";

/** The typed client of the API: one method per route of `paths`, types from `contract`. */
type PathParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? { [K in Name]: string } & PathParams<Rest>
  : P extends `${string}:${infer Name}`
    ? { [K in Name]: string }
    : unknown;
type QueryOf<N extends RouteName> = Contract[N] extends { query: infer Q extends z.ZodType }
  ? { query?: z.input<Q> }
  : unknown;
type BodyOf<N extends RouteName> = Contract[N] extends { body: infer B extends z.ZodType }
  ? { body: z.input<B> }
  : unknown;
export type Answer<N extends RouteName> = z.output<Contract[N]["answers"]>;
export type Arguments<N extends RouteName> = { params?: PathParams<(typeof paths)[N]["path"]> } & QueryOf<N> &
  BodyOf<N> & { signal?: AbortSignal; idempotencyKey?: string };

/** An answer that was not a success. `problem` is what the server said, or made up from the network's error. */
export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(problem.detail || problem.title, options);
    this.problem = problem;
  }
}

export interface ClientOptions {
  /** "" for same origin. */
  readonly baseUrl: string;
  readonly token?: string;
  readonly project?: string;
  readonly fetch?: typeof fetch;
  /**
   * Who asks too often, or again for what is worked on, is told when to come again (429 or 409 with Retry-After): so long
   * at most that is waited for.
   */
  readonly patienceMs?: number;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** When to ask again, as the server says: whoever asks too often, or again while the first time is worked on (409). */
function retryAfterMs(response: Response): number | null {
  const seconds = response.headers.get("retry-after");
  return (response.status === 429 || response.status === 409) && seconds !== null && /^\d{1,6}$/.test(seconds)
    ? Number(seconds) * 1_000
    : null;
}

export type Client = {
  [N in RouteName]: (args: Arguments<N>) => Promise<Answer<N>>;
};

function address(spec: PathSpec, args: { params?: object; query?: object }, project: string): string {
  const params: Record<string, string> = { project, ...args.params };
  const path = spec.path.replace(/:([a-zA-Z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const query = new URLSearchParams();
  for (const [k, v] of Object.entries(args.query ?? {})) if (v !== undefined) query.set(k, String(v));
  return query.size > 0 ? `${path}?${query}` : path;
}

async function problemOf(response: Response): Promise<Problem> {
  const made: Problem = {
    type: "about:blank",
    title: `HTTP ${response.status}`,
    status: response.status,
    code: "LK_HTTP",
    detail: `The server answered ${response.status}.`,
    remedy: "Look at the server's log.",
    requestId: response.headers.get("x-request-id") ?? "",
  };
  try {
    return { ...made, ...((await response.json()) as Problem) };
  } catch {
    return made;
  }
}

/** Characters: below it compressing saves nothing that anybody would notice. */
const ZIPPED_FROM = 100_000;
const zipped = (text: string): Promise<ArrayBuffer> =>
  new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();

/** Makes a client. Throws `ApiError` for every answer that is not a success, also for an unreachable server (status 0). */
export function createClient(options: ClientOptions): Client {
  const project = options.project ?? "main";
  const send = options.fetch ?? fetch;
  const call = async (name: RouteName, args: Record<string, unknown>): Promise<unknown> => {
    const spec: PathSpec = paths[name];
    const headers: Record<string, string> = { accept: "application/json" };
    if (options.token) headers.authorization = `Bearer ${options.token}`;
    if (args.body !== undefined) headers["content-type"] = "application/json";
    if (spec.method !== "GET") headers["idempotency-key"] = String(args.idempotencyKey ?? crypto.randomUUID());
    const signal = args.signal as AbortSignal | undefined;
    const text = args.body === undefined ? undefined : JSON.stringify(args.body);
    const isZipped = spec.large === true && text !== undefined && text.length > ZIPPED_FROM;
    const body = isZipped ? await zipped(text) : text;
    if (isZipped) headers["content-encoding"] = "gzip";
    const ask = () =>
      send(options.baseUrl + address(spec, args, project), {
        method: spec.method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      });
    let response: Response;
    try {
      response = await ask();
      // The key of a write stays the same: the server knows it again.
      for (let left = options.patienceMs ?? 0; ; ) {
        const waitMs = retryAfterMs(response);
        if (waitMs === null || waitMs > left) break;
        left -= Math.max(waitMs, 1_000);
        await response.body?.cancel();
        await pause(waitMs, signal);
        response = await ask();
      }
    } catch (cause) {
      throw new ApiError(
        {
          type: "about:blank",
          title: "The server can't be reached",
          status: 0,
          code: "LK_UNREACHABLE",
          detail: `No answer from ${options.baseUrl || "the server"}.`,
          remedy: "Start it with `npm start`, or check the address.",
          requestId: "",
        },
        { cause },
      );
    }
    if (!response.ok) throw new ApiError(await problemOf(response));
    return response.status === 204 ? null : response.json();
  };
  const client: Record<string, unknown> = {};
  for (const name of Object.keys(paths) as RouteName[])
    client[name] = (args: Record<string, unknown> = {}) => call(name, args);
  return client as Client;
}
