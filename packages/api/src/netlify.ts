import { z } from "zod";
import { ArmName, Generation, RouteClass } from "./gateway.ts";

/**
 * Between a site's Edge Functions and the server, at the address that `latchkey netlify edge` names: GET answers the table,
 * POST takes a batch of counts. Both bodies are signed with HMAC-SHA-256 in x-latchkey-signature.
 */
export const EDGE_ROWS_MAX = 50;
const COUNT_MAX = 1_000_000;
const count = z.int().min(0).max(COUNT_MAX);

const EdgeRow = z
  .object({
    generation: Generation,
    arm: ArmName,
    releaseId: z.string().max(80),
    routeClass: RouteClass,
    requests: count,
    errors: count,
    unitErrors: count,
    latency: z
      .record(z.string().regex(/^-?\d{1,5}$/, "the number of a bucket"), count)
      .refine((buckets) => Object.keys(buckets).length <= 2_000, "at most 2000 buckets"),
  })
  .refine((row) => row.unitErrors <= row.errors && row.errors <= row.requests, {
    error: "more errors than requests",
  });
/** What an edge has counted since its batch before; the same (edge, sequence) is the same batch. */
export const EdgeBatch = z.object({
  edge: z.uuid(),
  sequence: z.int().min(1).max(2_147_483_647),
  rows: z.array(EdgeRow).max(EDGE_ROWS_MAX),
});
export type EdgeBatch = z.infer<typeof EdgeBatch>;

/** What a site's Edge Function is to be given. */
export const EdgeSetup = z.object({
  service: z.string(),
  environment: z.string(),
  siteId: z.string(),
  /** The value of the site's variable LATCHKEY_EDGE: an address, and a secret behind "#". */
  variable: z.string(),
  /** So long after a change no edge goes by what was before, in milliseconds. */
  servedAfterMs: z.int(),
});
export type EdgeSetup = z.infer<typeof EdgeSetup>;
