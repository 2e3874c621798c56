import { z } from "zod";
import * as m from "./models.ts";

/** Environments as a path, and releases that go along it. */
const when = z.iso.datetime({ offset: true });

export const Promotion = z.object({
  service: z.string(),
  from: z.string(),
  to: z.string(),
  automatic: z.boolean(),
  soakMs: z.int(),
  /** `tried`: its release was deployed there and did not stay; `blocked`: the words say by what. */
  state: z.enum(["nothing", "same", "soaking", "ready", "under_way", "tried", "blocked"]),
  words: z.string(),
  /** Its release was there and was taken back: whoever promotes it sends the same one again. */
  isTakenBack: z.boolean(),
  /** When the release has served long enough to go on. */
  readyAt: when.nullable(),
  /** What would be promoted, and what is served there. */
  release: m.ReleaseSummary.nullable(),
  serving: m.ReleaseSummary.nullable(),
  /** How many releases lie between the two; null where one of them serves nothing. */
  apart: z.int().nullable(),
  /** The deployment of that release there, once there is one. */
  deploymentId: z.string().nullable(),
});
export type Promotion = z.infer<typeof Promotion>;

export const promotionContract = {
  listPromotions: {
    summary: "The steps of a service's path of environments, and how each stands",
    status: 200,
    answers: z.object({ items: z.array(Promotion) }),
  },
  promote: {
    summary: "Deploy to an environment the release that the environment before it serves, as it is",
    body: z.strictObject({
      to: z.string().min(1).max(40),
      /** Left out, the release that serves the environment before; otherwise one that has served it. */
      releaseId: z.string().min(1).max(60).optional(),
      reason: z.string().trim().min(1).max(300),
      ifBusy: z.enum(["refuse", "queue", "supersede"]).default("refuse"),
    }),
    status: 202,
    answers: m.DeploymentSummary,
  },
} as const;
