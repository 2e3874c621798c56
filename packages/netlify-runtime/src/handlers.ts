/** Runs functions in both of Netlify's forms: `handler(event, context)` and `export default (request, context)`. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly ip: string;
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export type FunctionModule = Readonly<Record<string, unknown>>;

/** A synchronous function is given up after this time, as Netlify does. */
const LIMIT_MS = 60_000;

type Classic = (event: unknown, context: unknown, callback: (error: unknown, answer?: unknown) => void) => unknown;
type Modern = (request: Request, context: unknown) => unknown;

/** What a module exports, whichever way it is written: CommonJS is the default export of what it was bundled into. */
export function exportsOf(module: FunctionModule): FunctionModule {
  const inner = module.default;
  return typeof inner === "object" && inner !== null ? { ...module, ...(inner as FunctionModule) } : module;
}

/** Answers one request. Throws what the function throws, or that it took too long or answered nothing. */
export async function invoke(name: string, given: FunctionModule, incoming: Incoming): Promise<Answered> {
  const module = exportsOf(given);
  if (typeof module.handler === "function")
    return classicAnswer(name, await withLimit(name, callClassic(module.handler as Classic, name, incoming)));
  const modern = module.default;
  if (typeof modern !== "function") throw new Error(`${name} exports neither handler nor a default function`);
  const answer = await withLimit(name, Promise.resolve((modern as Modern)(requestOf(incoming), contextOf(incoming))));
  if (answer === undefined) return { status: 204, headers: [], body: Buffer.alloc(0) };
  if (!(answer instanceof Response)) throw new Error(`${name} did not answer with a Response`);
  return { status: answer.status, headers: [...answer.headers], body: Buffer.from(await answer.arrayBuffer()) };
}

function callClassic(handler: Classic, name: string, incoming: Incoming): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, answer?: unknown) => (error ? reject(asError(error)) : resolve(answer));
    const context = { functionName: name, awsRequestId: incoming.requestId, clientContext: {} };
    Promise.resolve(handler(eventOf(incoming), context, callback)).then((answer) => {
      // A handler that uses the callback returns nothing by itself.
      if (answer !== undefined || handler.length < 3) resolve(answer);
    }, reject);
  });
}

function eventOf({ method, url, headers, body }: Incoming): unknown {
  const single: Record<string, string> = {};
  const multiple: Record<string, string[]> = {};
  for (const [key, value] of url.searchParams) {
    multiple[key] = [...(multiple[key] ?? []), value];
    single[key] = multiple[key].join(",");
  }
  const isText = isTextual(headers["content-type"] ?? "");
  return {
    rawUrl: url.href,
    rawQuery: url.search.slice(1),
    path: url.pathname,
    httpMethod: method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, [v]])),
    queryStringParameters: single,
    multiValueQueryStringParameters: multiple,
    body: body.length === 0 ? null : body.toString(isText ? "utf8" : "base64"),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

const isTextual = (type: string): boolean =>
  type === "" || /^(text\/|application\/(json|xml|javascript|x-www-form-urlencoded)|[^;]*\+(json|xml))/i.test(type);

function classicAnswer(name: string, answer: unknown): Answered {
  const a = answer as Partial<{
    statusCode: number;
    headers: Record<string, unknown>;
    multiValueHeaders: Record<string, unknown[]>;
    body: unknown;
    isBase64Encoded: boolean;
  }> | null;
  if (typeof a !== "object" || a === null || !Number.isInteger(a.statusCode))
    throw new Error(`${name} answered without a statusCode`);
  const headers: [string, string][] = Object.entries(a.headers ?? {}).map(([k, v]) => [k, String(v)]);
  for (const [k, values] of Object.entries(a.multiValueHeaders ?? {}))
    for (const value of values) headers.push([k, String(value)]);
  const body =
    typeof a.body === "string" ? a.body : a.body === undefined || a.body === null ? "" : JSON.stringify(a.body);
  return { status: a.statusCode ?? 500, headers, body: Buffer.from(body, a.isBase64Encoded ? "base64" : "utf8") };
}

function requestOf({ method, url, headers, body }: Incoming): Request {
  const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
  return new Request(url, { method, headers, ...(hasBody ? { body: new Uint8Array(body) } : {}) });
}

function contextOf(incoming: Incoming): unknown {
  return {
    ip: incoming.ip,
    requestId: incoming.requestId,
    params: incoming.params,
    site: { url: incoming.url.origin },
    deploy: { context: process.env.CONTEXT ?? "", id: process.env.DEPLOY_ID ?? "" },
    geo: {},
    json: (data: unknown) => Response.json(data),
    waitUntil: (work: Promise<unknown>) => void work.catch(() => {}),
  };
}

async function withLimit<T>(name: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} did not answer within ${LIMIT_MS / 1_000} s`)), LIMIT_MS);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));
