import { z } from "zod";
import { FlagChangedSince, FlagsPutBack } from "./flags-back.ts";
import * as m from "./models.ts";

/** Going back to a release that served before, and what waits after it. */
const when = z.iso.datetime({ offset: true });

export const DeploymentPause = z.object({
  service: z.string(),
  environment: z.string(),
  since: when,
  pausedBy: z.string(),
  reason: z.string(),
  /** The release that was left by the rollback. */
  leftRelease: m.ReleaseSummary.nullable(),
  /** Deployments that wait because of it. */
  waiting: z.int(),
});
export type DeploymentPause = z.infer<typeof DeploymentPause>;

export const RollbackCandidate = z.object({
  release: m.ReleaseSummary,
  /** When it was last promoted here, and when the next one began to follow it. */
  servedFrom: when,
  servedUntil: when.nullable(),
  /** Served lately enough to go out all at once, without analysis. */
  inWindow: z.boolean(),
  /** False when its files were collected: it can't be served again. */
  filesKept: z.boolean(),
});
export type RollbackCandidate = z.infer<typeof RollbackCandidate>;

export const RollbackPlan = z.object({
  service: z.string(),
  environment: z.string(),
  serving: m.ReleaseSummary.nullable(),
  target: m.ReleaseSummary.nullable(),
  /**
   * `rollout`: the rollout under way goes back, at once; `all_at_once`: a new deployment without gates and analysis; `judged`: a
   * new deployment with the configured gates and strategy. Null where there is nothing to go back to.
   */
  how: z.enum(["rollout", "all_at_once", "judged"]).nullable(),
  words: z.string(),
  /** Releases that would not be served any more, newest first, and the commits that came with them. */
  undoes: z.array(m.ReleaseSummary),
  changes: z.array(z.object({ commit: z.string(), message: z.string(), author: z.string(), at: z.string() })),
  /** What a rollback does not put back, in sentences. */
  cautions: z.array(z.string()),
  /**
   * Fields of the service's configuration that differ since the release was promoted, from now to then: what `withConfiguration`
   * puts back. Empty where none does; null where the configuration of then is not known.
   */
  configuration: z.array(m.ConfigChange).nullable(),
  /**
   * Feature flags that answer otherwise in this environment since the first of the undone releases began to be rolled out: what
   * `withFlags` puts back. Null where there is nothing to go back to.
   */
  flags: z.object({ since: when, words: z.string(), items: z.array(FlagChangedSince) }).nullable(),
  candidates: z.array(RollbackCandidate),
  pause: DeploymentPause.nullable(),
});
export type RollbackPlan = z.infer<typeof RollbackPlan>;

const environment = z.string().min(1).max(40).default("production");
const releaseId = z.string().min(1).max(60).optional();

export const rollbackContract = {
  planRollback: {
    summary: "What a rollback would go back to, how, and what it would undo; and the last 20 releases that served",
    query: z.object({ environment, releaseId }),
    status: 200,
    answers: RollbackPlan,
  },
  rollBack: {
    summary: "Serve an earlier release again; what machines deploy waits from then on until it is resumed",
    body: z.strictObject({
      environment,
      /** One of the last 20 that served; the one before when left out. */
      releaseId,
      reason: z.string().trim().min(1).max(500),
      /** Apply the configuration again that held when the release was promoted, in the same step. */
      withConfiguration: z.boolean().default(false),
      /** Put the flags back, in this environment, that were changed since the releases that are left began to be rolled out. */
      withFlags: z.boolean().default(false),
      /** With `withFlags`, the versions of the plan: a flag that somebody has changed since is left as it is. */
      flagVersions: z.record(z.string().max(100), z.int()).optional(),
    }),
    status: 202,
    answers: m.DeploymentSummary.extend({ flags: FlagsPutBack.nullable() }),
  },
  listDeploymentPauses: {
    summary: "Where deployments wait after a rollback",
    status: 200,
    answers: z.object({ items: z.array(DeploymentPause) }),
  },
  resumeDeployments: {
    summary: "Let what waits after a rollback go on",
    body: z.strictObject({ environment, reason: z.string().trim().min(1).max(500) }),
    status: 200,
    answers: z.object({ resumed: z.boolean(), words: z.string() }),
  },
} as const;
