import { append, leafHash, type StoredNode } from "@latchkey/core/shared/merkle";
import type { Logger } from "pino";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import { appendEntries, drainOutbox, type NewEntry, outboxIsEmpty } from "./ledger.store.ts";
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
 * numbers many entries in one transaction: 20 rounds a second at most, and nobody waits longer than for two of them.
 */
const ROUND_MS = 50;

export async function drainOnce(database: Transactions): Promise<number> {
  if (await outboxIsEmpty(database.db)) return 0;
  return database.transaction(async (tx) => {
    const { tree, lowestLevel, taken } = await drainOutbox(tx, BATCH);
    const entries: NewEntry[] = [];
    const nodes: StoredNode[] = [];
    let peaks: readonly Uint8Array[] = tree.peaks;
    for (const { id, envelope, written_at } of taken) {
      const sequence = tree.size + entries.length;
      const { type, subject, project } = JSON.parse(envelope) as { type: string; subject: string; project: string };
      const canonical = numbered(envelope, sequence, written_at.toISOString());
      const leaf = leafHash(sha256, Buffer.from(canonical, "utf8"));
      const grown = append(sha256, sequence, peaks, leaf);
      peaks = grown.peaks;
      nodes.push(...grown.nodes.filter((node) => node.level >= lowestLevel));
      entries.push({ sequence, id, type, subject, project, canonical, leafHash: leaf });
    }
    if (entries.length > 0) await appendEntries(tx, entries, nodes, { size: tree.size + entries.length, peaks });
    return entries.length;
  });
}

/**
 * The envelope with its number and the time of recording, canonical as it was. Its members stand in the order of their
 * names; behind "project" there are only plain ones, so that the last place that looks like a member is that member.
 */
export function numbered(envelope: string, sequence: number, recordedAt: string): string {
  const version = envelope.lastIndexOf(',"schemaVersion":');
  const source = envelope.indexOf(',"source":', version);
  if (version < 0 || source < 0) throw new Error("an envelope in the outbox is not canonical");
  return `${envelope.slice(0, version)},"recordedAt":"${recordedAt}"${envelope.slice(version, source)},"sequence":${sequence}${envelope.slice(source)}`;
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
