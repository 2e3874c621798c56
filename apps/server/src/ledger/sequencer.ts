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
 * After a round, others' commits of this long go into the next one together: a round is six questions to PostgreSQL
 * under the tree's lock, and 100 rounds a second leave it time for those who write.
 */
const GATHER_MS = 10;

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
  let wakeUp: (() => void) | null = null;
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      const callOff = clock.after(ms, resolve);
      wakeUp = () => {
        callOff();
        resolve();
      };
    });
  const loop = async () => {
    while (!stopped) {
      let drained = 0;
      // A commit during this round may come too late for it: then there is another at once.
      woken = false;
      try {
        drained = await drainOnce(database);
      } catch (error) {
        log.error({ err: error }, "the outbox could not be drained this round");
      }
      if (drained > 0) onEntries();
      if (stopped || drained === BATCH) continue;
      if (drained > 0) {
        wakeUp = null;
        await new Promise<void>((resolve) => clock.after(GATHER_MS, resolve));
      } else if (!woken) await wait(POLL_MS);
      wakeUp = null;
    }
  };
  const done = loop();
  return {
    wake: () => {
      woken = true;
      wakeUp?.();
    },
    stop: async () => {
      stopped = true;
      wakeUp?.();
      await done;
    },
  };
}
