import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { raiseEpoch } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { applyWithin } from "./rollout-engine.ts";
import { activeRollouts, lockRollout, moveToEpoch } from "./rollouts.store.ts";
import { currentGeneration } from "./routing.view.ts";

/** Beyond this a gateway's counting could not go on (packages/api/src/gateway.ts). */
const EPOCH_MAX = 2_147_483_000;

/**
 * After a restore: the database stands where it stood earlier, the gateways do not. Every rollout under way is taken
 * back, because what was learned of it since is lost, and a new epoch makes the restored routing the newest again.
 */
export async function startEpoch(
  tx: Transaction,
  o: { readonly beyond: number; readonly atMs: number; readonly why: string },
): Promise<Generation> {
  const active = await activeRollouts(tx);
  // Rollouts before the routing: the order in which everything else takes these locks.
  for (const { id } of active) await lockRollout(tx, id);
  const { epoch } = await raiseEpoch(tx, o.beyond);
  await moveToEpoch(tx, epoch);
  for (const { id } of active) {
    // A first release has nothing to go back to: it goes on.
    const reason = `${o.why}: what was learned of it since is lost`;
    const event = { kind: "abort" as const, atMs: o.atMs, actor: SYSTEM_ACTOR, reason };
    await applyWithin(tx, id, { kind: "event", event });
  }
  const generation = await currentGeneration(tx);
  await record(tx, {
    type: "delivery.routing.epoch_raised",
    subject: "routing",
    project: "main",
    actor: SYSTEM_ACTOR,
    occurredAt: new Date(o.atMs),
    data: { generation: { epoch: generation.epoch, n: generation.n }, words: `${o.why}.` },
  });
  return generation;
}

/**
 * A gateway that has applied what this database never decided tells that the database was set back, by whatever means.
 * True when that was so and a new epoch has begun.
 */
export async function overtakeGateway(
  database: Transactions,
  gateway: string,
  applied: Generation,
  atMs: number,
): Promise<boolean> {
  if (compareGenerations(applied, await currentGeneration(database.db)) <= 0) return false;
  if (applied.epoch > EPOCH_MAX) throw new Error(`gateway ${gateway} claims an epoch beyond all counting`);
  return database.transaction(async (tx) => {
    if (compareGenerations(applied, await currentGeneration(tx)) <= 0) return false;
    await startEpoch(tx, {
      beyond: applied.epoch,
      atMs,
      why: `The database was set back: gateway ${gateway} serves generation ${applied.epoch}.${applied.n}, which it does not know`,
    });
    return true;
  });
}
