import { z } from "zod";
import { DeploymentStatus, LedgerEntry, Rollout, ServiceSummary } from "./models.ts";

/**
 * `GET /api/v1/stream?project=main` (server-sent events; cookie or bearer; action `ledger.read`).
 * `event: ledger`, `id: <sequence>`: an entry, in order, none left out; resume with `Last-Event-ID` or `?after=`.
 * `event: rollout`, no id: the state of a rollout after a look; may be dropped, only the newest counts.
 * `event: service`, no id: a service with its traffic, every 5 s; may be dropped, only the newest counts.
 * `event: deployment`, no id: a deployment has gone on, for those who follow its build and gates.
 * `event: heartbeat` every 15 s with the newest sequence.
 */
export const streamEvents = {
  ledger: LedgerEntry,
  rollout: Rollout,
  service: ServiceSummary,
  deployment: z.object({ id: z.string(), service: z.string(), status: DeploymentStatus, words: z.string() }),
  heartbeat: z.object({ newest: z.int() }),
} as const;
