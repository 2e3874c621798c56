import { createHash } from "node:crypto";
import { ServiceConfig } from "@latchkey/api/models";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { type Change, differences } from "@latchkey/core/shared/difference";
import { record } from "../ledger/index.ts";
import type { Executor, Transaction } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { configurationAt } from "./configurations.store.ts";
import { type ServiceRow, saveService } from "./services.store.ts";

/** What of a configuration its service is named by. */
export const digestOf = (config: ServiceConfig): string =>
  createHash("sha256").update(JSON.stringify(config)).digest("hex");

/** What would change by putting back the configuration of a time: from what holds now to what held then. Null: it is not kept. */
export async function changesBackTo(db: Executor, service: ServiceRow, at: Date): Promise<Change[] | null> {
  const then = await configurationAt(db, { project: service.project, service: service.name, at });
  return then === null ? null : differences(service.config, then);
}

/**
 * Applies again what held at a time, in the ledger as any change is. Refuses what this version does not take any more, and
 * what has not the environment that asks for it. Nothing is written where nothing differs.
 */
export async function putBack(
  tx: Transaction,
  service: ServiceRow,
  asked: { readonly at: Date; readonly environment: string; readonly actor: Actor; readonly correlation: string },
): Promise<void> {
  const { project, name, root } = service;
  const then = await configurationAt(tx, { project, service: name, at: asked.at });
  if (then === null) throw refused("The configuration of then is not kept.");
  const changes = differences(service.config, then);
  if (changes.length === 0) return;
  const parsed = ServiceConfig.safeParse(then);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`This version does not take the configuration of then: ${issue?.path.join(".")}: ${issue?.message}.`);
  }
  const config = parsed.data;
  if (!config.environments.includes(asked.environment))
    throw refused(`The configuration of then has no environment "${asked.environment}".`);
  const configDigest = digestOf(config);
  await saveService(tx, { project, name, config, config_digest: configDigest, root });
  await record(tx, {
    type: "catalog.service.changed",
    subject: `service/${name}`,
    project,
    actor: asked.actor,
    correlation: asked.correlation,
    data: { service: name, configDigest, changes, putBackTo: asked.at.toISOString() },
  });
}

const refused = (detail: string): ProblemError =>
  new ProblemError("LK_INVALID", {
    detail,
    fields: [
      { field: "withConfiguration", message: "false: go back without it, and apply the configuration yourself" },
    ],
  });
