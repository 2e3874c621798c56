import type { FlagSet } from "@latchkey/core/flags/compile";
import type { EvaluationContext } from "@latchkey/core/flags/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { Http } from "../platform/http.ts";
import { answerAll, failureOf, writtenOf } from "./answers.ts";
import type { ClientKey, ClientKeys } from "./client-keys.ts";
import type { EvaluationCounts } from "./evaluation-counts.ts";
import type { FlagStreams } from "./flag-streams.ts";
import type { SeenUsers } from "./seen-users.ts";
import type { FlagSets } from "./sets.ts";

/**
 * OpenFeature Remote Evaluation Protocol 0.3 (open-feature/protocol, service/openapi.yaml): single and bulk evaluation,
 * and events that say when to ask again (ADR 0008). A key names project and environment; a browser's gets public flags only.
 */
const SINGLE = "/ofrep/v1/evaluate/flags/:key";
const BULK = "/ofrep/v1/evaluate/flags";
const EVENTS = "/ofrep/v1/events";
/** A context has a few attributes; 64 KiB are hundreds. */
const BODY_MAX_BYTES = 64 * 1_024;

export interface OfrepOptions {
  readonly sets: FlagSets;
  readonly keys: ClientKeys;
  readonly streams: FlagStreams;
  readonly seen: SeenUsers;
  readonly clock: Clock;
  readonly counts: Pick<EvaluationCounts, "note">;
}

export function registerOfrep(http: Http, o: OfrepOptions): void {
  const options = { bodyLimit: BODY_MAX_BYTES };
  http.post(SINGLE, options, async (request, reply) => {
    const asked = await askedBy(o, request, reply);
    if (!asked) return reply;
    const { key } = request.params as { key: string };
    const context = contextOf(request.body);
    if (typeof context === "string")
      return refuse(reply, 400, { key, errorCode: "INVALID_CONTEXT", errorDetails: context });
    o.seen.note(asked.by.project, asked.by.environment, context);
    const found = asked.set.evaluate(key, context, o.clock.now());
    if (found.errorCode === "FLAG_NOT_FOUND" || (asked.by.kind === "browser" && !asked.set.isPublic(key)))
      return refuse(reply, 404, {
        key,
        errorCode: "FLAG_NOT_FOUND",
        errorDetails: `There is no flag "${key.slice(0, 100)}".`,
      });
    if (found.errorCode) return refuse(reply, 400, { key, ...failureOf(found) });
    if (found.variant !== null) o.counts.note(asked.by, key, found.variant);
    return answer(reply, 200, writtenOf(asked.set, key, found).text);
  });
  http.post(BULK, options, async (request, reply) => {
    const asked = await askedBy(o, request, reply);
    if (!asked) return reply;
    const context = contextOf(request.body);
    if (typeof context === "string") return refuse(reply, 400, { errorCode: "INVALID_CONTEXT", errorDetails: context });
    o.seen.note(asked.by.project, asked.by.environment, context);
    const nowMs = o.clock.now();
    const keys = asked.by.kind === "browser" ? asked.set.publicKeys : asked.set.keys;
    const all = answerAll(asked.set, keys, context, nowMs);
    // The address of the stream holds a ticket that changes: what flags answer is compared, not that.
    reply.header("etag", all.etag);
    if (request.headers["if-none-match"] === all.etag) return reply.code(304).send();
    return answer(reply, 200, all.body(JSON.stringify([{ type: "sse", url: o.streams.addressFor(asked.by, EVENTS) }])));
  });
  http.get(EVENTS, async (request, reply) => {
    const { ticket } = request.query as { ticket?: string };
    const by = ticket ? await o.keys.byTicket(ticket, o.clock.now()) : await o.keys.of(request);
    if (!by) return unknown(reply);
    allowPages(reply);
    if (!o.streams.open(by, request.raw, reply))
      return refuse(reply, 503, { errorDetails: "Too many streams are open." });
    return reply;
  });
  for (const url of [SINGLE, BULK, EVENTS])
    http.options(url, async (_, reply) => {
      allowPages(reply)
        .header("access-control-allow-methods", "GET, POST")
        .header("access-control-allow-headers", "authorization, x-api-key, content-type, if-none-match")
        .header("access-control-max-age", "86400");
      return reply.code(204).send();
    });
}

/** Pages of any origin may ask: the key says what they get, and no cookie is looked at. */
export const allowPages = (reply: FastifyReply): FastifyReply =>
  reply.header("access-control-allow-origin", "*").header("access-control-expose-headers", "etag, retry-after");

/** Who asks and what flags hold there; null when it was refused already: no key, or too often. */
export async function askedBy(
  o: Pick<OfrepOptions, "keys" | "sets">,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ readonly by: ClientKey; readonly set: FlagSet } | null> {
  allowPages(reply);
  const by = await o.keys.of(request);
  if (!by) {
    unknown(reply);
    return null;
  }
  const waitMs = o.keys.within(by);
  if (waitMs > 0) {
    reply.header("retry-after", String(Math.ceil(waitMs / 1_000)));
    refuse(reply, 429, { errorDetails: "This key asks too often." });
    return null;
  }
  return { by, set: await o.sets.of(by.project, by.environment) };
}
export const unknown = (reply: FastifyReply) =>
  refuse(allowPages(reply), 401, {
    errorDetails: "Send a key: Authorization: Bearer, or X-API-Key. `latchkey flags create-key` makes one.",
  });

export const refuse = (reply: FastifyReply, status: number, body: object) =>
  answer(reply, status, JSON.stringify(body));
export const answer = (reply: FastifyReply, status: number, body: string | Buffer) =>
  reply
    .code(status)
    .header("content-type", "application/json; charset=utf-8")
    .header("cache-control", "no-store")
    .send(body);

function contextOf(body: unknown): EvaluationContext | string {
  if (body === undefined || body === null) return {};
  const { context } = body as { context?: unknown };
  if (context === undefined || context === null) return {};
  if (typeof context !== "object" || Array.isArray(context)) return "context must be an object.";
  const { targetingKey } = context as { targetingKey?: unknown };
  if (targetingKey !== undefined && typeof targetingKey !== "string") return "targetingKey must be a text.";
  return context as EvaluationContext;
}
