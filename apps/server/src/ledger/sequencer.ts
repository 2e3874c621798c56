import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { append, leafHash } from "@latchkey/core/shared/merkle";
import type { Logger } from "pino";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import { appendEntries, drainOutbox, lockTree, type NewEntry, outboxIsEmpty } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

/**
 * Drains the outbox into numbered entries: delete, number and insert in one transaction under the tree's row lock.
 * Nothing is lost or doubled whoever dies when, and several servers take turns.
 */
const BATCH = 500;
/** Woken by this server's own records; what another server wrote waits for its sequencer, or for this. */
const POLL_MS = 1_000;
/**
 * The first entry after a quiet time is numbered at once; from then on rounds keep this far apart, so that a busy server
 * numbers many entries in one transaction: 40 rounds a second at most, and nobody waits longer than for two of them.
 */
const ROUND_MS = 25;

export async function drainOnce(database: Transactions): Promise<number> {
  if (await outboxIsEmpty(database.db)) return 0;
  return database.transaction(async (tx) => {
    const tree = await lockTree(tx);
    const taken = await drainOutbox(tx, BATCH);
    const entries: NewEntry[] = [];
    const nodes: { level: number; index: number; hash: Buffer }[] = [];
    let peaks: Uint8Array[] = tree.peaks;
    for (const { id, envelope, written_at } of taken) {
      const sequence = tree.size + entries.length;
      const event = JSON.parse(envelope) as { type: string; subject: string; project: string };
      const canonical = canonicalJson({ ...event, sequence, recordedAt: written_at.toISOString() });
      const leaf = leafHash(sha256, Buffer.from(canonical, "utf8"));
      const grown = append(sha256, sequence, peaks, leaf);
      peaks = grown.peaks;
      nodes.push(...grown.nodes.map((n) => ({ ...n, hash: Buffer.from(n.hash) })));
      entries.push({
        sequence,
        id,
        type: event.type,
        subject: event.subject,
        project: event.project,
        canonical,
        leafHash: Buffer.from(leaf),
      });
    }
    if (entries.length > 0)
      await appendEntries(tx, entries, nodes, {
        size: tree.size + entries.length,
        peaks: peaks.map((p) => Buffer.from(p)),
      });
    return entries.length;
  });
}

export interface Sequencer {
  /** Something was committed: drain now. */
  wake(): void;
  stop(): Promise<void>;
}

export function startSequencer(
  database: Transactions,
  log: Logger,
  onEntries: () => void,
  clock: Clock = systemClock,
): Sequencer {
  let stopped = false;
  let woken = false;
  let isIdle = false;
  let endRest: (() => void) | null = null;
  const rest = async (ms: number) => {
    await new Promise<void>((resolve) => {
      const callOff = clock.after(ms, resolve);
      endRest = () => {
        callOff();
        resolve();
      };
    });
    endRest = null;
  };
  const loop = async () => {
    while (!stopped) {
      // Set again by what is committed while this round looks: it may not see it.
      woken = false;
      let drained = 0;
      try {
        drained = await drainOnce(database);
      } catch (error) {
        log.error({ err: error }, "the outbox could not be drained this round");
      }
      if (drained > 0) onEntries();
      if (stopped || drained === BATCH) continue;
      isIdle = drained === 0;
      if (!isIdle) await rest(ROUND_MS);
      else if (!woken) await rest(POLL_MS);
    }
  };
  const done = loop();
  return {
    wake: () => {
      woken = true;
      if (isIdle) endRest?.();
    },
    stop: async () => {
      stopped = true;
      endRest?.();
      await done;
    },
  };
}
