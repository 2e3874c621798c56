import { createHash, randomUUID } from "node:crypto";
import type { Answer } from "@latchkey/api/client";
import { type Contract, contract } from "@latchkey/api/contract";
import { type Action, type PathSpec, paths, type RouteName } from "@latchkey/api/paths";
import { isAllowed } from "@latchkey/core/security/authorisation";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Logger } from "pino";
import type { z } from "zod";
import type { Authenticate, IdempotencyStore, OnRefusal, OpenSealed, Principal } from "./auth.ts";
import { DatabaseUnavailable, isPassing, type Transaction } from "./database.ts";
import { type Keyed, once } from "./idempotency.ts";
import { largeBodies } from "./large-bodies.ts";
import { answerInOurForm, answerMalformed } from "./malformed.ts";
import { ProblemError } from "./problems.ts";
import { type LimitName, type RateLimits, rateLimitHeaders, type Standing } from "./rate-limits.ts";

/** HTTP: routes come from the API's contract, validated, authorised and answered in one place. */
type PathParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [K in Name]: string } & PathParams<Rest>
  : P extends `${string}:${infer Name}`
    ? { readonly [K in Name]: string }
    : unknown;
type Parsed<N extends RouteName, K extends "query" | "body"> =
  Contract[N] extends Record<K, infer S extends z.ZodType> ? z.output<S> : undefined;

export interface RouteContext<N extends RouteName> {
  readonly params: PathParams<(typeof paths)[N]["path"]>;
  readonly query: Parsed<N, "query">;
  readonly body: Parsed<N, "body">;
  readonly principal: Principal;
  readonly project: string;
  readonly requestId: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /**
   * To be called in the transaction that does what was asked: notes under the request's Idempotency-Key that it is
   * done, and by which reference the answer can be made again. A server that dies before it answers then does not do
   * it twice. Without a key it does nothing.
   */
  readonly remember: (tx: Transaction, reference: string) => Promise<void>;
}

export interface Http extends FastifyInstance {
  readonly latchkey: {
    readonly authenticate: Authenticate;
    readonly idempotency: IdempotencyStore;
    readonly onRefusal: OnRefusal;
    readonly openSealed: OpenSealed;
    readonly limits: RateLimits;
    /** Puts headers on the answer to a request. */
    readonly tell: (request: FastifyRequest, headers: Readonly<Record<string, string>>) => void;
  };
}
export interface HttpOptions {
  readonly log: Logger;
  readonly authenticate: Authenticate;
  readonly idempotency: IdempotencyStore;
  readonly onRefusal: OnRefusal;
  readonly openSealed: OpenSealed;
  readonly limits: RateLimits;
}

const BODY_MAX_BYTES = 1_048_576;
/** 2,000 streams, 2,000 polls of gateways, and 2,000 who ask; with what they need inside far below 2^16 open files. */
const CONNECTIONS_MAX = 6_000;
/**
 * Connections that may wait to be taken: 2,000 streams come back at once when a server has been restarted. Beyond it the
 * kernel drops them silently, and a visitor tries again after seconds (Node's own 511 lost some of them for two minutes).
 */
const BACKLOG = 4_096;
/** A request's line and headers: the longest address of ours has 2 KiB, a browser's headers 4. */
const HEADERS_MAX_BYTES = 16 * 1_024;
const ANONYMOUS: Principal = {
  id: "anonymous",
  name: "anonymous",
  kind: "person",
  role: "viewer",
  project: "main",
  personId: null,
};

/** Takes requests from now on; answers the address. */
export const listen = (http: Http, at: { readonly host: string; readonly port: number }): Promise<string> =>
  http.listen({ ...at, backlog: BACKLOG });

/** What is asked so often that a line for each would be all that the log says. */
const OFTEN = ["/api/v1/gateway/", "/hooks/", "/ofrep/", "/flags/v1/"] as const;

export function createHttp(o: HttpOptions): Http {
  const app = fastify({
    loggerInstance: o.log as never,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    genReqId: () => `req_${randomUUID()}`,
    requestTimeout: 60_000,
    // While the server stops, what still comes on an open connection is answered, with the word to close it. Fastify's own
    // 503 would fail whoever was not told yet that there is another server.
    return503OnClosing: false,
    // An address that can't be decoded never gets as far as a route or the error handler.
    frameworkErrors: (error, request, reply) => answerProblem(error, request, reply),
    clientErrorHandler: answerMalformed,
    http: { requireHostHeader: false, maxHeaderSize: HEADERS_MAX_BYTES },
  }) as unknown as FastifyInstance;
  const replies = new WeakMap<FastifyRequest, FastifyReply>();
  app.server.maxConnections = CONNECTIONS_MAX;
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headersFor(request.id));
    replies.set(request, reply);
    if (/%00/.test(request.url))
      throw new ProblemError("LK_INVALID", {
        detail: "The address holds a character that no name has (%00).",
        fields: [{ field: "address", message: "leave %00 out" }],
      });
  });
  answerInOurForm(app);
  app.addHook("onResponse", async (request, reply) => {
    // Writes and failures are told; reads, deliveries, the gateways' counts and questions for flags, thousands a second, would drown them. `reqId` is in the answer's x-request-id too.
    const level =
      reply.statusCode >= 500
        ? "warn"
        : request.method === "GET" || OFTEN.some((path) => request.url.startsWith(path))
          ? "debug"
          : "info";
    request.log[level](
      {
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      "request",
    );
  });
  app.setErrorHandler(answerProblem);
  return Object.assign(app, {
    latchkey: {
      authenticate: o.authenticate,
      idempotency: o.idempotency,
      onRefusal: o.onRefusal,
      openSealed: o.openSealed,
      limits: o.limits,
      tell: (request, headers) => void replies.get(request)?.headers(headers),
    } satisfies Http["latchkey"],
  }) as unknown as Http;
}

const megabytes = (bytes: number): string => `${Number((bytes / 1_048_576).toFixed(2))} MB`;

/** Of every answer, also of those that no hook is run for. */
const headersFor = (requestId: string) => ({
  "x-request-id": requestId,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
});

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = asProblem(error, request.routeOptions.bodyLimit ?? BODY_MAX_BYTES);
  if (problem.status >= 500)
    request.log.error({ err: error, requestId: request.id, url: request.url }, "request failed");
  const { retryAfterMs } = problem.details;
  if (retryAfterMs !== undefined) reply.header("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  void reply
    .code(problem.status)
    .headers(headersFor(request.id))
    .header("content-type", "application/problem+json")
    .send(JSON.stringify(problem.toBody(request.id)));
}

/** `bodyLimit`: what the request may have had, in bytes. */
function asProblem(error: unknown, bodyLimit: number): ProblemError {
  if (error instanceof ProblemError) return error;
  if (isPassing(error)) {
    const detail =
      error instanceof DatabaseUnavailable ? error.message : "PostgreSQL broke off while this was under way.";
    return new ProblemError("LK_UNAVAILABLE", { detail, retryAfterMs: 1_000 }, { cause: error });
  }
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === "FST_ERR_BAD_URL" || code === "FST_ERR_MAX_PARAM_LENGTH")
    return new ProblemError("LK_INVALID", {
      detail: "The address can't be read.",
      fields: [{ field: "address", message: "encode it as a URL (RFC 3986)" }],
    });
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new ProblemError("LK_TOO_LARGE", {
      detail: `The body is over ${megabytes(bodyLimit)}.`,
      remedy: `Send at most ${megabytes(bodyLimit)}.`,
    });
  if (statusCode === 415 || (statusCode !== undefined && statusCode >= 400 && statusCode < 500)) {
    return new ProblemError("LK_INVALID", {
      detail: "The body is not JSON that can be read.",
      fields: [{ field: "body", message: "send JSON with content-type application/json" }],
    });
  }
  return new ProblemError("LK_INTERNAL", { detail: "An error that nobody foresaw." }, { cause: error });
}

/** Parses what was sent; refuses with the fields that are wrong. */
export function check<T>(schema: z.ZodType<T> | undefined, value: unknown, where: string): T {
  if (!schema) return undefined as T;
  refuseDeep(value, where);
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) {
    refuseUnstorable(parsed.data, []);
    return parsed.data;
  }
  const fields = parsed.error.issues
    .flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => ({ path: [...issue.path, key], message: "there is no such field" }))
        : [{ path: issue.path, message: issue.message }],
    )
    .slice(0, 20)
    .map(({ path, message }) => ({ field: path.length === 0 ? where : path.map(String).join("."), message }));
  throw new ProblemError("LK_INVALID", { detail: fields.map((f) => `${f.field}: ${f.message}`).join("; "), fields });
}

/** Conditions and values of flags may hold themselves: a body that is nested for ever must not exhaust the stack. */
const NESTED_MAX = 64;
function refuseDeep(value: unknown, where: string, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= NESTED_MAX)
    throw new ProblemError("LK_INVALID", {
      detail: `${where}: it is nested more than ${NESTED_MAX} deep.`,
      fields: [{ field: where, message: "nest it less" }],
    });
  // Named by the field of the body that it is in.
  for (const [name, member] of Object.entries(value)) refuseDeep(member, depth === 0 ? name : where, depth + 1);
}

/** PostgreSQL stores neither U+0000 nor half a surrogate pair: such a text is refused here, by its field's name. */
function refuseUnstorable(value: unknown, path: readonly string[]): void {
  if (typeof value === "string" && /[\0\p{Cs}]/u.test(value)) {
    const field = path.join(".");
    throw new ProblemError("LK_INVALID", {
      detail: `${field}: it holds a character that can't be stored.`,
      fields: [{ field, message: "leave out U+0000 and halves of surrogate pairs" }],
    });
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    refuseUnstorable(key, [...path, "(a name)"]);
    refuseUnstorable(member, [...path, key]);
  }
}

/** Cookies come along unasked: a write by cookie must come from our own pages (Origin, RFC 6454). */
function checkOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (request.method === "GET" || request.headers.authorization || origin === undefined) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new ProblemError("LK_ORIGIN", { detail: `A page of ${origin} may not write here.` });
}

/** Routes whose answers are never stored: counts that are cumulative anyway, and secrets. */
const NOT_REMEMBERED: readonly RouteName[] = [
  "gatewayReport",
  "signIn",
  "createToken",
  "createSignInLink",
  "exchangeToken",
  "createNotificationChannel",
  "rotateNotificationSecret",
  "createFlagKey",
];

/** Routes that open what is sealed themselves: they answer bytes that must stay as they were hashed, too. */
const SENT_AS_WRITTEN: readonly RouteName[] = ["getLedgerProof"];

/**
 * Adds a route of the contract. Method, path and the action to authorise come from the same tables as the client.
 * `recall` makes the answer of something that was done but, because the server died, never answered.
 */
export function route<N extends RouteName>(
  app: Http,
  name: N,
  handler: (context: RouteContext<N>) => Promise<Answer<N>>,
  recall?: (reference: string) => Promise<Answer<N>>,
): void {
  const spec: PathSpec = paths[name];
  const rules = contract[name] as { query?: z.ZodType; body?: z.ZodType; status: number };
  app.route({
    method: spec.method,
    url: spec.path,
    ...(spec.large
      ? largeBodies(async (request) => {
          // Counted with the request's other checks; before them only who is not signed in is.
          if (!(await app.latchkey.authenticate(request))) await known(app, request);
        })
      : {}),
    handler: async (request, reply) => {
      checkOrigin(request);
      const params = request.params as Record<string, string>;
      const principal = spec.action === "public" ? anonymous(app, request) : await known(app, request);
      try {
        if (spec.action !== "public") allow(principal, spec.action, params.project ?? null);
        refuseUnstorable(params, []);
        const query = check(rules.query, request.query, "query");
        const body = check(rules.body, request.body, "body");
        // After the checks: what is written down here is then no deeper than the contract allows.
        const keyed = keyOf(request, name, principal, spec.method);
        const context = {
          params,
          query,
          body,
          principal,
          project: params.project ?? principal.project,
          requestId: request.id,
          request,
          reply,
          remember: async (tx: Transaction, reference: string) => {
            if (keyed) await app.latchkey.idempotency.remember(tx, keyed.actor, keyed.route, keyed.key, reference);
          },
        } as RouteContext<N>;
        const text = (answer: Answer<N>): string | null => (answer === null ? null : JSON.stringify(answer));
        const run = async () => text(await handler(context));
        const again = async (reference: string) => (recall ? text(await recall(reference)) : run());
        const answer = keyed ? await once(app.latchkey.idempotency, keyed, rules.status, run, again) : await run();
        if (answer === null) return reply.code(204).send();
        return reply
          .code(rules.status)
          .header("content-type", "application/json; charset=utf-8")
          .header("cache-control", "no-store")
          .send(SENT_AS_WRITTEN.includes(name) ? answer : await app.latchkey.openSealed(answer));
      } catch (error) {
        if (spec.method !== "GET" && principal !== ANONYMOUS && error instanceof ProblemError)
          app.latchkey.onRefusal(principal, name, params, error);
        throw error;
      }
    },
  });
}

async function known(app: Http, request: FastifyRequest, as?: LimitName): Promise<Principal> {
  const principal = await app.latchkey.authenticate(request);
  if (!principal) {
    within(app, request, app.latchkey.limits.ofAddress(request.ip));
    throw new ProblemError("LK_UNAUTHENTICATED", { detail: "This needs a signed-in person or an API token." });
  }
  within(app, request, app.latchkey.limits.ofPrincipal(principal, request.method, as));
  return principal;
}

/** What anybody may ask, so many times by address. */
function anonymous(app: Http, request: FastifyRequest): Principal {
  within(app, request, app.latchkey.limits.ofAddress(request.ip));
  return ANONYMOUS;
}

/** Says on every answer how much is left, and refuses when nothing is. */
function within(app: Http, request: FastifyRequest, standing: Standing): void {
  app.latchkey.tell(request, rateLimitHeaders(standing));
  if (standing.allowed) return;
  const { rate, limit } = standing;
  const what = { reads: "read", writes: "write", streams: "open the stream", gateway: "ask", anonymous: "ask" }[limit];
  const who = limit === "anonymous" ? "From one address, those who are not signed in" : "One credential";
  throw new ProblemError("LK_RATE_LIMITED", {
    detail: `${who} may ${what} ${rate.perSecond} times a second, and ${rate.burst} times at once.`,
    retryAfterMs: standing.waitMs,
  });
}

function allow(principal: Principal, action: Action, project: string | null): void {
  if (isAllowed(principal.role, action, principal.project, project)) return;
  throw new ProblemError("LK_FORBIDDEN", { detail: `The role ${principal.role} may not do this (${action}).` });
}

/** For the few addresses outside of the contract: who asks, when that one may. Throws a problem otherwise. */
export async function authorise(
  app: Http,
  request: FastifyRequest,
  action: Action,
  project: string | null = null,
  as?: LimitName,
): Promise<Principal> {
  const principal = await known(app, request, as);
  allow(principal, action, project);
  return principal;
}

function keyOf(request: FastifyRequest, name: RouteName, principal: Principal, method: string): Keyed | null {
  const key = request.headers["idempotency-key"];
  if (method === "GET" || key === undefined || NOT_REMEMBERED.includes(name)) return null;
  if (typeof key !== "string" || key.length === 0 || key.length > 200)
    throw new ProblemError("LK_INVALID", {
      detail: "Idempotency-Key must have 1 to 200 characters.",
      fields: [{ field: "Idempotency-Key", message: "1 to 200 characters" }],
    });
  const hasBody = "body" in contract[name];
  const asked = JSON.stringify([request.params ?? null, hasBody ? (request.body ?? null) : null]);
  return { actor: principal.id, route: name, key, sha256: createHash("sha256").update(asked).digest("hex") };
}
