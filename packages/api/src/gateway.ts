import { z } from "zod";
import { METRICS_MAX } from "./metrics.ts";

/**
 * Between gateway and server. The gateway dials out with a token of role `gateway`:
 * it long-polls `GET /api/v1/gateway/routing?gateway=<id>&boot=<uuid>&epoch=E&n=N&waitMs=20000`. The numbers
 * are the generation that it has applied, so the poll is also the acknowledgement; the server answers 200 with
 * a newer table at once when there is one, or 204 after waitMs. It posts cumulative counts once a second, and
 * within 100 ms after an error. It keeps the last table on disk and serves by it without a server.
 */
/** On an answer to a gateway while no server looks after the rollouts: it lives, and does not count as watching. */
export const UNWATCHED_HEADER = "x-latchkey-unwatched";
export const GENERATION_MAX = 2_147_483_647;
const part = z.int().min(0).max(GENERATION_MAX);
export const Generation = z.object({ epoch: part, n: part });
/** 10,000 a second for three and a half years; and 2^13 such rows still add up to a number that is exact (2^53). */
const COUNT_MAX = 2 ** 40;
const count = z.int().min(0).max(COUNT_MAX);
/** Names and ids: what PostgreSQL keeps in an index may have 2,704 bytes, and these come seven to a key. */
const name = z.string().max(80);
/** A number of `bucketOf`: the largest double is in bucket 16,383. */
const bucket = z.string().regex(/^-?\d{1,5}$/, "the number of a bucket, -99999 to 99999");
/** 1,024 bytes in base64: 4 characters for each 3 bytes that were begun. */
const REGISTERS_MAX = 1_368;

export const ArmName = z.enum(["baseline", "canary", "holdback"]);
export const RoutingArm = z.object({
  arm: ArmName,
  releaseId: z.string(),
  /** Value of `service.version`, sent on as x-latchkey-release. */
  release: z.string(),
  /** Upstream processes of that release, "http://127.0.0.1:41234"; at least one. */
  upstreams: z.array(z.string()).min(1),
  /** Share of new visitors and of API requests; all arms of a service add up to 100. May be 0 (kept warm). */
  weightPercent: z.number().min(0).max(100),
});
export const RoutingService = z.object({
  service: z.string(),
  environment: z.string(),
  deploymentId: z.string(),
  rolloutId: z.string().nullable(),
  /** Host names that select this service; "*" is the default service. */
  hosts: z.array(z.string()),
  generation: Generation,
  arms: z.array(RoutingArm),
  /**
   * Where hashed assets of the releases of the last 24 hours are asked for in turn on a 404. A path ("/artifacts/…") is
   * below the address of whichever server the gateway speaks to.
   */
  assetUpstreams: z.array(z.string()),
  apiPrefixes: z.array(z.string()),
  injectBeacon: z.boolean(),
  /**
   * Of a rollout that is judged: a gateway that no server has answered for so long sends nobody to the canary any more. Left out
   * where there is none, and by older servers.
   */
  deadManMs: z.int().min(1_000).optional(),
  /** Answers that are counted for metrics of the service; left out by older servers. */
  counted: z
    .array(z.object({ name: z.string(), method: z.string(), path: z.string(), status: z.int() }))
    .max(METRICS_MAX)
    .optional(),
});
/** The whole table: `generation` is the highest of all services' and what is acknowledged. */
export const RoutingTable = z.object({ generation: Generation, services: z.array(RoutingService) });
export type RoutingTable = z.infer<typeof RoutingTable>;
export type RoutingService = z.infer<typeof RoutingService>;
export type RoutingArm = z.infer<typeof RoutingArm>;

export const RouteClass = z.enum(["document", "asset", "api", "other"]);

/** Cumulative since `boot`, one row per (service, service generation, arm, route class). */
export const ArmCounter = z.object({
  service: name,
  environment: name,
  generation: Generation,
  arm: ArmName,
  releaseId: name,
  routeClass: RouteClass,
  requests: count,
  errors: count,
  /** Exponential histogram of scale 4 (core/shared/histogram), milliseconds. */
  latency: z.record(bucket, count),
  pageViews: count,
  pageErrors: count,
  /**
   * Of the errors (and of the broken pages), those that are the first of their visitor in this deployment: visitors stay
   * with a release, so that one who tries again is no new evidence. What is routed by itself counts each time. Absent from
   * gateways of before: then every error counts.
   */
  unitErrors: count.optional(),
  unitPageErrors: count.optional(),
  /** Of `errors` and of `unitErrors`, those in one of two random halves of the visitors: see core's `dispersion.ts`. */
  halfErrors: count.optional(),
  halfUnitErrors: count.optional(),
  halfPageErrors: count.optional(),
  halfUnitPageErrors: count.optional(),
  /** Of `latency`, the answers to that half: see core's `variation.ts`. */
  halfLatency: z.record(bucket, count).optional(),
  /** HyperLogLog registers (p = 10, 1024 one-byte registers, base64; standard error 3.25 %) of visitor ids. */
  users: z.string().max(REGISTERS_MAX),
  /** Answers counted by metric, each of the table's with at least a 0; left out where the table asks for none. */
  events: z
    .record(name, count)
    .refine((events) => Object.keys(events).length <= METRICS_MAX, `at most ${METRICS_MAX} metrics`)
    .optional(),
});
export const GatewayReport = z.object({
  gateway: name,
  boot: name,
  /** Grows by one with each report of a boot; older ones are ignored. */
  sequence: z.int(),
  at: z.iso.datetime({ offset: true }),
  applied: Generation,
  residentBytes: count,
  counters: z.array(ArmCounter).max(2_000),
});
export type GatewayReport = z.infer<typeof GatewayReport>;
export type ArmCounter = z.infer<typeof ArmCounter>;
