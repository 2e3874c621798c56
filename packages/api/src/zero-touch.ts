import { z } from "zod";

/** Changes that go to production with nobody watching: what was decided for each, and how many do. */
const when = z.iso.datetime({ offset: true });

export const ZeroTouchDecision = z.object({
  deploymentId: z.string(),
  gate: z.string(),
  /** Whether it goes out with nobody watching. */
  alone: z.boolean(),
  /** Every rule that was asked, with its answer. */
  reasons: z.array(z.object({ rule: z.string(), holds: z.boolean(), words: z.string() })),
  decidedAt: when,
  /** The version of the decider. */
  version: z.string(),
  /** Whether the same evidence comes to the same decision again; null where that version is not in this server any more. */
  isReplayed: z.boolean().nullable(),
});

const Share = z.object({
  count: z.int(),
  of: z.int(),
  /** Null where there is nothing to take a share of. */
  ratio: z.number().nullable(),
  /** What it is to reach: at least for coverage and reliability, at most for what failed. */
  goal: z.number(),
  holds: z.boolean().nullable(),
});
export const Automation = z.object({
  from: when,
  to: when,
  /** Of the deployments that took visitors in production: those that a machine asked for and nobody acted on. */
  coverage: Share,
  /** Of the same: those that were taken back, then or later. */
  failed: Share,
  /** Of the deployments that ended: those that did not fail for the pipeline's own reasons. */
  reliability: Share,
  days: z.array(
    z.object({
      day: z.iso.date(),
      deployments: z.int(),
      automatic: z.int(),
      failed: z.int(),
      ended: z.int(),
      broken: z.int(),
    }),
  ),
  /** The newest that were not automatic, failed, or were let down by the pipeline: at most 50, each with why. */
  exceptions: z.array(
    z.object({
      deploymentId: z.string(),
      service: z.string(),
      endedAt: when,
      kind: z.enum(["attended", "failed", "pipeline"]),
      words: z.string(),
    }),
  ),
});
export type Automation = z.infer<typeof Automation>;

/** What the gates of kind `zero_touch` would say of a commit that is not deployed yet. */
export const ZeroTouchPreview = z.object({
  service: z.string(),
  environment: z.string(),
  /** The whole hash. */
  commit: z.string(),
  /** The commit of the release that serves: what is new is counted from it. Null where none serves, or it was built of no commit. */
  since: z.string().nullable(),
  words: z.string(),
  items: z.array(
    z.object({
      gate: z.string(),
      alone: z.boolean(),
      reasons: z.array(z.object({ rule: z.string(), holds: z.boolean(), words: z.string() })),
    }),
  ),
});

export const zeroTouchContract = {
  previewZeroTouch: {
    summary: "Which rules of zero touch a commit would meet, and which not, if it were deployed now",
    query: z.object({
      commit: z.string().regex(/^[0-9a-f]{7,40}$/, "the hash of a commit, or its first 7 digits or more"),
      environment: z.string().min(1).max(40).default("production"),
      /** The branch that it is on, where the sources are on GitHub; the service's own when left out. */
      branch: z
        .string()
        .max(200)
        .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, "the name of a branch")
        .optional(),
    }),
    status: 200,
    answers: ZeroTouchPreview,
  },
  getZeroTouch: {
    summary: "Why a deployment went out alone or waited for a person, worked out again from the evidence",
    status: 200,
    answers: z.object({ items: z.array(ZeroTouchDecision) }),
  },
  getAutomation: {
    summary: "How much goes to production by itself, how often it fails, and how reliable the pipeline is",
    query: z.object({
      service: z.string().max(60).optional(),
      days: z.coerce.number().int().min(1).max(90).default(30),
    }),
    status: 200,
    answers: Automation,
  },
} as const;
