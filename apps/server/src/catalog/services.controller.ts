import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { ServiceConfig } from "@latchkey/api/models";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { type Change, differences } from "@latchkey/core/shared/difference";
import { record } from "../ledger/index.ts";
import type { Database, Transaction } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { digestOf } from "./configurations.ts";
import { findService, saveService } from "./services.store.ts";

export interface Applied {
  readonly changes: Change[];
  readonly applied: boolean;
  readonly service: string;
}

/**
 * Applies a service's canonical configuration, or only tells the difference. Nothing is written on any error.
 * `also` runs in the transaction that applies it.
 */
export async function applyService(
  database: Database,
  asked: { project: string; config: ServiceConfig; root: string; dryRun: boolean; actor: Actor },
  also: (tx: Transaction, applied: Applied) => Promise<void>,
): Promise<Applied> {
  const { config, project } = asked;
  if (!isAbsolute(asked.root)) {
    throw new ProblemError("LK_INVALID", {
      detail: "root must be an absolute path.",
      fields: [{ field: "root", message: "give the absolute path of the configuration's folder" }],
    });
  }
  const source = join(asked.root, config.source);
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ProblemError("LK_INVALID", {
      detail: `source: there is no folder ${config.source} beside the configuration.`,
      fields: [{ field: "config.source", message: "name an existing folder, relative to the configuration file" }],
    });
  }
  const steps = config.strategy.steps.map((s) => s.trafficPercent);
  if (steps.some((percent, i) => i > 0 && percent <= (steps[i - 1] ?? 0))) {
    throw new ProblemError("LK_INVALID", {
      detail: "strategy.steps: each step must send more traffic than the one before.",
      fields: [{ field: "config.strategy.steps", message: "put trafficPercent in rising order" }],
    });
  }
  return database.transaction(async (tx) => {
    const before = await findService(tx, project, config.name);
    const changes = differences(before?.config ?? null, config);
    // The same configuration in another checkout: the next build must be of that one.
    if (before && before.root !== asked.root) changes.push({ path: "root", before: before.root, after: asked.root });
    if (asked.dryRun || changes.length === 0) return { changes, applied: false, service: config.name };
    const digest = digestOf(config);
    await saveService(tx, { project, name: config.name, config, config_digest: digest, root: asked.root });
    await record(tx, {
      type: before ? "catalog.service.changed" : "catalog.service.created",
      subject: `service/${config.name}`,
      project,
      actor: asked.actor,
      data: { service: config.name, configDigest: digest, changes },
    });
    const applied = { changes, applied: true, service: config.name };
    await also(tx, applied);
    return applied;
  });
}
