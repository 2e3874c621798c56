import { createHash, timingSafeEqual } from "node:crypto";
import type { RoutingService } from "@latchkey/api/gateway";
import { EdgeBatch } from "@latchkey/api/netlify";
import { type NetlifyConfig, targetOf } from "@latchkey/api/targets";
import { compareGenerations } from "@latchkey/core/delivery/generation";
import type { FastifyRequest } from "fastify";
import { jwtVerify } from "jose";
import { allServices, environmentsOf, findEnvironment, findService, type ServiceRow } from "../catalog/index.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { takeNetlifyDelivery } from "./netlify.store.ts";
import { takeEdgeBatch } from "./netlify-counts.store.ts";
import { EDGE_MAX_AGE_MS, EDGE_REFRESH_MS, edgeKeysOf, SERVED_AFTER_MS, signEdge } from "./netlify-edge.ts";
import { type RoutingOptions, routingOf } from "./routing.view.ts";
import { findRoute, type Place } from "./targets.store.ts";

/** 50 rows of 2,000 buckets would be more than an edge counts in a second. */
const BATCH_MAX_BYTES = 256 * 1024;
/** A deploy with its summary is a few kilobytes. */
const HOOK_MAX_BYTES = 1_048_576;
/** Hundreds of edges ask every two seconds: the table is made once for those of a moment. The margin of an age covers it. */
const TABLE_KEPT_MS = 250;

export interface NetlifyRoutesOptions {
  readonly database: Database;
  readonly key: Buffer;
  readonly routing: RoutingOptions;
  readonly webhookSecrets: () => Promise<readonly string[]>;
  /** Where Netlify's edges reach this server. */
  readonly publicUrl: string;
  /** Something happened at a site, or at any. */
  readonly onHook: (siteId: string | null) => void;
  /** Edges have counted. */
  readonly onCounts: (hasErrors: boolean) => void;
}

/** What a site's Edge Functions ask and tell, and what Netlify tells of its deploys. */
export function registerNetlify(http: Http, o: NetlifyRoutesOptions): void {
  registerEdges(http, o);
  registerHook(http, o);
  route(http, "getNetlifyEdge", async ({ project, params, query }) => {
    const service = await findService(o.database.db, project, params.service);
    if (!service) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no service ${params.service}.` });
    const environment = query.environment ?? service.config.environments[0] ?? "production";
    const target = edgeTargetOf(service, environment);
    if (!target || !service.config.environments.includes(environment))
      throw new ProblemError("LK_INVALID", {
        detail: `${service.name} in ${environment} is no site whose Edge Function splits the traffic.`,
        fields: [{ field: "target", message: "must be { kind: netlify, mode: git, split: edge }" }],
      });
    const { id, secret } = edgeKeysOf(o.key, { project, service: service.name, environment });
    return {
      ...{ service: service.name, environment, siteId: target.siteId, servedAfterMs: SERVED_AFTER_MS },
      variable: `${o.publicUrl.replace(/\/$/, "")}/edge/netlify/${id}#${secret}`,
    };
  });
}

function edgeTargetOf(service: ServiceRow, environment: string): NetlifyConfig | null {
  const target = targetOf(service.config, environment);
  return target.kind === "netlify" && target.split === "edge" ? target : null;
}

interface Found {
  readonly place: Place;
  readonly service: ServiceRow;
  readonly secret: string;
}
interface Shown {
  readonly at: number;
  readonly table: Promise<object>;
}

function registerEdges(http: Http, o: NetlifyRoutesOptions): void {
  const { db } = o.database;
  const shown = new Map<string, Shown>();
  const placeOf = async (id: string): Promise<Found | null> => {
    for (const service of await allServices(db))
      for (const { name } of await environmentsOf(db, service.project, service.name)) {
        if (!edgeTargetOf(service, name)) continue;
        const place = { project: service.project, service: service.name, environment: name };
        const keys = edgeKeysOf(o.key, place);
        if (keys.id === id) return { place, service, secret: keys.secret };
      }
    return null;
  };
  const tableOf = (id: string, found: Found): Promise<object> => {
    const known = shown.get(id);
    if (known && performance.now() - known.at < TABLE_KEPT_MS) return known.table;
    const table = makeTable(o, found);
    shown.set(id, { at: performance.now(), table });
    return table;
  };
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "application/json",
      { parseAs: "string", bodyLimit: BATCH_MAX_BYTES },
      (_request, body, done) => done(null, body),
    );
    scope.get<{ Params: { id: string }; Querystring: { nonce?: unknown } }>(
      "/edge/netlify/:id",
      async (request, reply) => {
        const found = await placeOf(request.params.id);
        if (!found) throw unknownSite(http, request);
        const { nonce } = request.query;
        if (typeof nonce !== "string" || !/^[0-9A-Za-z-]{8,64}$/.test(nonce))
          throw new ProblemError("LK_INVALID", {
            detail: "The table is asked for with a nonce.",
            fields: [{ field: "nonce", message: "8 to 64 letters, digits and dashes" }],
          });
        const text = JSON.stringify({ version: 1, nonce, ...(await tableOf(request.params.id, found)) });
        return reply
          .header("content-type", "application/json")
          .header("cache-control", "no-store")
          .header("x-latchkey-signature", signEdge(found.secret, text))
          .send(text);
      },
    );
    scope.post<{ Params: { id: string } }>(
      "/edge/netlify/:id",
      { bodyLimit: BATCH_MAX_BYTES },
      async (request, reply) => {
        const found = await placeOf(request.params.id);
        if (!found) throw unknownSite(http, request);
        const text = typeof request.body === "string" ? request.body : "";
        if (!isSame(signEdge(found.secret, text), headerOf(request, "x-latchkey-signature")))
          throw refused(http, request, "The batch's signature was not made with the site's secret.");
        const batch = readBatch(text);
        const { epoch, generation } = (await findEnvironment(
          db,
          found.place.project,
          found.place.service,
          found.place.environment,
        )) ?? {
          epoch: 0,
          generation: 0,
        };
        if (batch.rows.some((row) => compareGenerations(row.generation, { epoch, n: generation }) > 0))
          throw new ProblemError("LK_INVALID", {
            detail: "The batch counts a generation that there is not.",
            fields: [{ field: "generation", message: `at most ${epoch}.${generation}` }],
          });
        const taken = await o.database.transaction((tx) => takeEdgeBatch(tx, found.place, batch, new Date()));
        if (taken === "early")
          throw new ProblemError("LK_UNAVAILABLE", {
            detail: "The site's target was not spoken to yet.",
            retryAfterMs: 1_000,
          });
        if (taken === "taken") o.onCounts(batch.rows.some((row) => row.errors > 0));
        return reply.code(202).send({ taken: taken === "taken" });
      },
    );
  });
}

/** What an edge goes by. The published release is the one that Netlify was seen to show; where it is none of the arms, no edge splits. */
async function makeTable(o: NetlifyRoutesOptions, { place, service }: Found): Promise<object> {
  const { db } = o.database;
  const environment = await findEnvironment(db, place.project, place.service, place.environment);
  const routing: RoutingService | null = environment ? await routingOf(db, service, environment, o.routing) : null;
  const deploys = (await findRoute(db, place))?.deploys ?? [];
  const address = deploys.find((deploy) => deploy.isPublished)?.address?.replace(/\/$/, "");
  const arms = (routing?.arms ?? []).map(({ arm, releaseId, upstreams, weightPercent }) => ({
    ...{ arm, releaseId, origin: upstreams[0] ?? "", weightPercent },
  }));
  return {
    generation: routing?.generation ?? { epoch: 0, n: 0 },
    deploymentId: routing?.deploymentId ?? "",
    arms,
    published: arms.find((arm) => arm.origin === address)?.releaseId ?? "",
    apiPrefixes: service.config.routing.apiPrefixes,
    refreshMs: EDGE_REFRESH_MS,
    maxAgeMs: EDGE_MAX_AGE_MS,
  };
}

function readBatch(text: string): EdgeBatch {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const parsed = EdgeBatch.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ProblemError("LK_INVALID", {
    detail: "The batch can't be read.",
    fields: parsed.error.issues.slice(0, 10).map(({ path, message }) => ({ field: path.join(".") || "body", message })),
  });
}

/**
 * Takes Netlify's webhooks: their JWS (HS256, with the body's SHA-256 in it) is checked, the rest only makes the loops look.
 * One that comes twice, or late, changes nothing: what is there is asked of Netlify.
 */
function registerHook(http: Http, o: NetlifyRoutesOptions): void {
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: HOOK_MAX_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    scope.post("/hooks/netlify", { bodyLimit: HOOK_MAX_BYTES }, async (request, reply) => {
      const secrets = await o.webhookSecrets();
      if (secrets.length === 0)
        throw new ProblemError("LK_UNAVAILABLE", {
          detail: "This server has no secret for Netlify's webhooks.",
          remedy: "Start it with --netlify-webhook-secret-file, or LATCHKEY_NETLIFY_WEBHOOK_SECRET.",
        });
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const token = headerOf(request, "x-webhook-signature");
      if (!(await isSigned(body, token, secrets)))
        throw refused(http, request, "X-Webhook-Signature was not made of this body with the webhook's secret.");
      const digest = createHash("sha256").update(token).update("\n").update(body).digest("hex");
      const isNew = await takeNetlifyDelivery(o.database.db, digest);
      if (isNew) o.onHook(siteIn(body));
      return reply.code(202).send({ stored: isNew });
    });
  });
}

async function isSigned(body: Buffer, token: string, secrets: readonly string[]): Promise<boolean> {
  const digest = createHash("sha256").update(body).digest("hex");
  let isGood = false;
  for (const secret of secrets) {
    const verified = await jwtVerify(token, Buffer.from(secret), { algorithms: ["HS256"], issuer: "netlify" }).catch(
      () => null,
    );
    if (verified && isSame(digest, String(verified.payload.sha256))) isGood = true;
  }
  return isGood;
}

function siteIn(body: Buffer): string | null {
  try {
    const { site_id: id } = JSON.parse(body.toString("utf8")) as { site_id?: unknown };
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}

function isSame(own: string, given: string): boolean {
  const [a, b] = [Buffer.from(own), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const headerOf = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
};

function refused(http: Http, request: FastifyRequest, detail: string): ProblemError {
  const standing = http.latchkey.limits.ofAddress(request.ip);
  if (standing.allowed) return new ProblemError("LK_UNAUTHENTICATED", { detail });
  return new ProblemError("LK_RATE_LIMITED", {
    detail: "Too many requests with a wrong signature came from this address.",
    retryAfterMs: standing.waitMs,
  });
}

function unknownSite(http: Http, request: FastifyRequest): ProblemError {
  const standing = http.latchkey.limits.ofAddress(request.ip);
  if (standing.allowed) return new ProblemError("LK_NOT_FOUND", { detail: "No site of this server has this address." });
  return new ProblemError("LK_RATE_LIMITED", {
    detail: "Too many requests for unknown sites came from this address.",
    retryAfterMs: standing.waitMs,
  });
}
