import { endUnrolledDeployments, startEpoch } from "../delivery/index.ts";
import { eraseSubject, openSubjects, record } from "../ledger/index.ts";
import { type Connection, connect } from "../platform/backup/connection.ts";
import { BackupFault, type Manifest } from "../platform/backup/manifest.ts";
import type { Sink } from "../platform/backup/reading.ts";
import type { Transaction } from "../platform/database.ts";
import { loadBackup } from "./loading.ts";
import { activeWork, clearOthers, otherConnections, readStanding, revokeAgain } from "./restored.store.ts";

/** What the database of before knew, where that can still be read. */
export interface Standing {
  readonly ledgerSize: number | null;
  readonly signedSize: number | null;
  readonly epoch: number;
  /** Persons that were erased, and credentials that were revoked: an older state must not undo that. */
  readonly erased: readonly string[];
  readonly revoked: readonly string[];
}

/** How a database stands; null when it is empty. One that is broken has a standing of which nothing is known. */
export async function standingOf(url: string): Promise<Standing | null> {
  const connection = await connect(url);
  try {
    return await readStanding(connection.db);
  } finally {
    await connection.close();
  }
}

const TRIES = 50;
const TRY_AGAIN_MS = 100;

/** A server on another machine, or a console, may be in the database: then nothing is swapped beneath it. */
export async function untilAlone(url: string): Promise<void> {
  const connection = await connect(url);
  try {
    for (let left = TRIES; ; left--) {
      // A server that has just stopped leaves connections for a moment.
      const others = await otherConnections(connection.db);
      if (others.length === 0) return;
      if (left === 0)
        throw new BackupFault(
          `Somebody is connected to the database: ${others.join(", ")}. Stop every server that uses it, and restore again.`,
        );
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  } finally {
    await connection.close();
  }
}

export interface FillOptions {
  readonly file: string;
  readonly manifest: Manifest;
  readonly migrations: string;
  readonly version: string;
  readonly operator: string;
  readonly before: Standing | null;
  /** What persons' keys are encrypted with; null when it is lost. */
  readonly keyEncryptionKey: Buffer | null;
  readonly say: (words: string) => void;
  readonly others: (stream: string) => Promise<Sink | null>;
}

export interface Filled {
  readonly epoch: number;
  readonly ended: number;
  readonly lost: { readonly from: number; readonly to: number } | null;
  /** How many persons were erased, and credentials revoked, again. */
  readonly erased: number;
  readonly revoked: number;
}

/**
 * All that makes a restored database, in one transaction: schema and rows as they were, proved; then brought up to this
 * version, the epoch raised, what was under way ended, and the restore recorded.
 */
export async function fillDatabase(connection: Connection, o: FillOptions): Promise<Filled> {
  const { manifest: m, before } = o;
  const now = new Date();
  return connection.transaction(async (tx) => {
    const walked = await loadBackup(connection, tx, o);
    o.say("Raising the epoch");
    const why = `Restored from the backup of ${m.createdAt}`;
    const rollouts = await activeWork(tx);
    const { epoch } = await startEpoch(tx, { beyond: before?.epoch ?? 0, atMs: now.getTime(), why });
    const deployments = await endUnrolledDeployments(tx, why);
    await clearOthers(tx);
    const known = Math.max(before?.ledgerSize ?? 0, before?.signedSize ?? 0);
    const lost = known > m.ledger.size ? { from: m.ledger.size, to: known } : null;
    const actor = { id: "local", kind: "person", name: await nameOf(tx, o) };
    const erased = await eraseAgain(tx, before?.erased ?? [], { project: "main", actor, because: why });
    const revoked = await revokeAgain(tx, before?.revoked ?? []);
    await record(tx, {
      type: "platform.restored",
      subject: `backup/${m.id}`,
      project: "main",
      actor,
      data: {
        takenAt: m.createdAt,
        ageMs: now.getTime() - Date.parse(m.createdAt),
        byVersion: m.version,
        intoVersion: o.version,
        epoch,
        erasedAgain: erased,
        revokedAgain: revoked,
        ledger: { size: m.ledger.size, rootHash: m.ledger.rootHash, before: before?.ledgerSize ?? null, lost },
        words: `${why}. ${walked}${lost ? ` Entries ${lost.from} to ${lost.to - 1} of before are lost: the ledger forks there.` : ""}`,
      },
    });
    return { epoch, ended: rollouts + deployments, lost, erased: erased.length, revoked: revoked.length };
  });
}

/** A person's name is written only sealed; without the key for that, it is left out. */
const nameOf = async (tx: Transaction, o: FillOptions): Promise<string> =>
  o.keyEncryptionKey ? openSubjects({ db: tx }, o.keyEncryptionKey).sealName(o.operator) : "the operator";

async function eraseAgain(
  tx: Transaction,
  ids: readonly string[],
  by: Parameters<typeof eraseSubject>[2],
): Promise<string[]> {
  const done: string[] = [];
  for (const id of ids) if (await eraseSubject(tx, id, by)) done.push(id);
  return done;
}
