import { createHash, randomUUID } from "node:crypto";
import type { Answer } from "@latchkey/api/client";
import { type Contract, contract } from "@latchkey/api/contract";
import { type PathSpec, paths, type RouteName } from "@latchkey/api/paths";
import { isAllowed, type Role } from "@latchkey/core/security/authorisation";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { z } from "zod";
import { ProblemError } from "./problems.ts";

/** HTTP: routes come from the API's contract, validated, authorised and answered in one place. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly kind: "person" | "token" | "gateway" | "system";
  readonly role: Role;
  readonly project: string;
}
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
}

/** Who a request comes from, by cookie or bearer token; null when it says nothing or nothing true. */
export type Authenticate = (request: FastifyRequest) => Promise<Principal | null>;
/** Answers stored by (actor, route, key): see security/idempotency. */
export interface IdempotencyStore {
  begin(
    actor: string,
    route: string,
    key: string,
    bodySha256: string,
  ): Promise<
    { kind: "new" } | { kind: "done"; status: number; answer: string } | { kind: "other_body" } | { kind: "under_way" }
  >;
  finish(actor: string, route: string, key: string, status: number, answer: string): Promise<void>;
  forget(actor: string, route: string, key: string): Promise<void>;
}
export interface Http extends FastifyInstance {
  readonly latchkey: { readonly authenticate: Authenticate; readonly idempotency: IdempotencyStore };
}

const BODY_MAX_BYTES = 1_048_576;
const ANONYMOUS: Principal = { id: "anonymous", name: "anonymous", kind: "person", role: "viewer", project: "main" };

export function createHttp(o: { log: Logger; authenticate: Authenticate; idempotency: IdempotencyStore }): Http {
  const app = fastify({
    loggerInstance: o.log as never,
    disableRequestLogging: true,
    bodyLimit: BODY_MAX_BYTES,
    genReqId: () => `req_${randomUUID()}`,
    requestTimeout: 60_000,
    // An address that can't be decoded never gets as far as a route or the error handler.
    frameworkErrors: (error, request, reply) => answerProblem(error, request, reply),
  }) as unknown as FastifyInstance;
  app.addHook("onRequest", async (request, reply) => {
    if (/%00/.test(request.url))
      throw new ProblemError("LK_INVALID", {
        detail: "The address holds a character that no name has (%00).",
        fields: [{ field: "address", message: "leave %00 out" }],
      });
    reply.header("x-request-id", request.id);
    reply
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer")
      .header("x-frame-options", "DENY");
  });
  app.setErrorHandler(answerProblem);
  return Object.assign(app, {
    latchkey: { authenticate: o.authenticate, idempotency: o.idempotency },
  }) as unknown as Http;
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = asProblem(error);
  if (problem.status >= 500)
    request.log.error({ err: error, requestId: request.id, url: request.url }, "request failed");
  void reply
    .code(problem.status)
    .header("content-type", "application/problem+json")
    .send(JSON.stringify(problem.toBody(request.id)));
}

function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === "FST_ERR_BAD_URL" || code === "FST_ERR_MAX_PARAM_LENGTH")
    return new ProblemError("LK_INVALID", {
      detail: "The address can't be read.",
      fields: [{ field: "address", message: "encode it as a URL (RFC 3986)" }],
    });
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new ProblemError("LK_TOO_LARGE", { detail: "The body is over 1 MB." });
  if (statusCode === 415 || (statusCode !== undefined && statusCode >= 400 && statusCode < 500)) {
    return new ProblemError("LK_INVALID", {
      detail: "The body is not JSON that can be read.",
      fields: [{ field: "body", message: "send JSON with content-type application/json" }],
    });
  }
  return new ProblemError("LK_INTERNAL", { detail: "An error that nobody foresaw." }, { cause: error });
}

function check<T>(schema: z.ZodType<T> | undefined, value: unknown, where: string): T {
  if (!schema) return undefined as T;
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

/** Adds a route of the contract. Method, path and the action to authorise come from the same tables as the client. */
export function route<N extends RouteName>(
  app: Http,
  name: N,
  handler: (context: RouteContext<N>) => Promise<Answer<N>>,
): void {
  const spec: PathSpec = paths[name];
  const rules = contract[name] as { query?: z.ZodType; body?: z.ZodType; status: number };
  app.route({
    method: spec.method,
    url: spec.path,
    handler: async (request, reply) => {
      checkOrigin(request);
      const params = request.params as Record<string, string>;
      const principal = (await authorise(app, spec, request, params.project ?? null)) ?? ANONYMOUS;
      const context = {
        params,
        query: check(rules.query, request.query, "query"),
        body: check(rules.body, request.body, "body"),
        principal,
        project: params.project ?? principal.project,
        requestId: request.id,
        request,
        reply,
      } as RouteContext<N>;
      const run = async (): Promise<string | null> => {
        const answer = await handler(context);
        return answer === null ? null : JSON.stringify(answer);
      };
      const key = request.headers["idempotency-key"];
      // Gateways report cumulative counts many times a minute: those are idempotent as they are. Secrets are never stored.
      const remembered =
        spec.method !== "GET" &&
        typeof key === "string" &&
        !["gatewayReport", "signIn", "createToken", "createSignInLink"].includes(name);
      const done = remembered
        ? await once(app, principal, name, key, request.body, rules.status, run)
        : { status: rules.status, body: await run() };
      if (done.body === null) return reply.code(204).send();
      return reply
        .code(done.status)
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", "no-store")
        .send(done.body);
    },
  });
}

async function authorise(
  app: Http,
  spec: PathSpec,
  request: FastifyRequest,
  project: string | null,
): Promise<Principal | null> {
  if (spec.action === "public") return null;
  const principal = await app.latchkey.authenticate(request);
  if (!principal)
    throw new ProblemError("LK_UNAUTHENTICATED", { detail: "This needs a signed-in person or an API token." });
  if (!isAllowed(principal.role, spec.action, principal.project, project)) {
    throw new ProblemError("LK_FORBIDDEN", { detail: `The role ${principal.role} may not do this (${spec.action}).` });
  }
  return principal;
}

async function once(
  app: Http,
  principal: Principal,
  name: string,
  key: string,
  body: unknown,
  status: number,
  run: () => Promise<string | null>,
): Promise<{ status: number; body: string | null }> {
  if (key.length === 0 || key.length > 200)
    throw new ProblemError("LK_INVALID", {
      detail: "Idempotency-Key must have 1 to 200 characters.",
      fields: [{ field: "Idempotency-Key", message: "1 to 200 characters" }],
    });
  const sha256 = createHash("sha256")
    .update(JSON.stringify(body ?? null))
    .digest("hex");
  const store = app.latchkey.idempotency;
  const begun = await store.begin(principal.id, name, key, sha256);
  if (begun.kind === "other_body")
    throw new ProblemError("LK_IDEMPOTENCY_REUSED", { detail: "The same key came with another body." });
  if (begun.kind === "under_way")
    throw new ProblemError("LK_BUSY", {
      detail: "The same request is being worked on.",
      remedy: "Ask again in a moment for its answer.",
    });
  if (begun.kind === "done") return { status: begun.status, body: begun.answer === "" ? null : begun.answer };
  try {
    const answer = await run();
    await store.finish(principal.id, name, key, status, answer ?? "");
    return { status, body: answer };
  } catch (error) {
    // Nothing was done: the same key may be tried again.
    await store.forget(principal.id, name, key);
    throw error;
  }
}
