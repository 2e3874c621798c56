import { z } from "zod";

/**
 * Between gateway and server. The gateway dials out with a token of role `gateway`:
 * it long-polls `GET /api/v1/gateway/routing?gateway=<id>&boot=<uuid>&epoch=E&n=N&waitMs=20000`. The numbers
 * are the generation that it has applied, so the poll is also the acknowledgement; the server answers 200 with
 * a newer table at once when there is one, or 204 after waitMs. It posts cumulative counts once a second, and
 * within 100 ms after an error. It keeps the last table on disk and serves by it without a server.
 */
export const GENERATION_MAX = 2_147_483_647;
const part = z.int().min(0).max(GENERATION_MAX);
export const Generation = z.object({ epoch: part, n: part });
const count = z.int().min(0);

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
  /** Releases whose hashed assets must stay reachable (24 h after a rollback): asked in turn on a 404. */
  assetUpstreams: z.array(z.string()),
  apiPrefixes: z.array(z.string()),
  injectBeacon: z.boolean(),
});
/** The whole table: `generation` is the highest of all services' and what is acknowledged. */
export const RoutingTable = z.object({ generation: Generation, services: z.array(RoutingService) });
export type RoutingTable = z.infer<typeof RoutingTable>;
export type RoutingService = z.infer<typeof RoutingService>;
export type RoutingArm = z.infer<typeof RoutingArm>;

export const RouteClass = z.enum(["document", "asset", "api", "other"]);

/** Cumulative since `boot`, one row per (service, service generation, arm, route class). */
export const ArmCounter = z.object({
  service: z.string(),
  environment: z.string(),
  generation: Generation,
  arm: ArmName,
  releaseId: z.string(),
  routeClass: RouteClass,
  requests: count,
  errors: count,
  /** Exponential histogram of scale 4 (core/shared/histogram), milliseconds. */
  latency: z.record(z.string(), count),
  pageViews: count,
  pageErrors: count,
  /** HyperLogLog registers (p = 10, 1024 one-byte registers, base64; standard error 3.25 %) of visitor ids. */
  users: z.string(),
});
export const GatewayReport = z.object({
  gateway: z.string(),
  boot: z.string(),
  /** Grows by one with each report of a boot; older ones are ignored. */
  sequence: z.int(),
  at: z.iso.datetime({ offset: true }),
  applied: Generation,
  residentBytes: count,
  counters: z.array(ArmCounter).max(2_000),
});
export type GatewayReport = z.infer<typeof GatewayReport>;
export type ArmCounter = z.infer<typeof ArmCounter>;
