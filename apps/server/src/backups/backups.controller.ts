import { statfs } from "node:fs/promises";
import type { Backup } from "@latchkey/api/models";
import type { Logger } from "pino";
import { record } from "../ledger/index.ts";
import type { Principal } from "../platform/auth.ts";
import type { KeysKey } from "../platform/backup/keys.ts";
import type { Manifest } from "../platform/backup/manifest.ts";
import type { Database, Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { keepLease, type Lease } from "../platform/leases.ts";
import { ProblemError } from "../platform/problems.ts";
import type { Shelf } from "./shelf.ts";
import { bytesNeeded, type TakingOptions, takeBackup } from "./taking.ts";
import { dropScratch, type Verification, verifyBackup } from "./verification.ts";

export interface BackupsOptions extends TakingOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly shelf: Shelf;
  readonly migrations: string;
  /** The newest so many are kept. */
  readonly keep: number;
  /** This installation's folder: two servers on one database take turns. */
  readonly owner: string;
}
export interface Wish {
  readonly verify: boolean;
  readonly keys: KeysKey | null;
}

/** Takes backups one at a time, proves them, keeps the newest. */
export class BackupsController {
  readonly #o: BackupsOptions;
  #running: Backup | null = null;
  #work: Promise<void> = Promise.resolve();
  #beginning = false;

  constructor(options: BackupsOptions) {
    this.#o = options;
  }

  list(): Backup[] {
    return this.#o.shelf.list().map((backup) => this.#live(backup));
  }
  find(id: string): Backup | null {
    const found = this.#o.shelf.find(id);
    return found && this.#live(found);
  }
  #live(backup: Backup): Backup {
    return backup.id === this.#running?.id ? this.#running : backup;
  }

  /** Begins one; its progress is asked for by its id. `remember` notes the wish as granted, in its transaction. */
  async begin(by: Principal, wish: Wish, remember: (tx: Transaction, id: string) => Promise<void>): Promise<Backup> {
    if (this.#running || this.#beginning) throw underWay("A backup is being taken.");
    this.#beginning = true;
    let lease: Lease | null = null;
    try {
      lease = await keepLease(this.#o.database, this.#o.log, "backup", this.#o.owner);
      if (!lease.held()) throw underWay("Another server on this database takes a backup.");
      await this.#checkRoom(wish.verify);
      this.#o.shelf.tidy();
      const backup = begun(by);
      await this.#o.database.transaction(async (tx) => {
        await remember(tx, backup.id);
        await record(tx, {
          type: "platform.backup.requested",
          subject: `backup/${backup.id}`,
          project: "main",
          actor: { id: by.id, kind: by.kind, name: by.name },
          data: { verify: wish.verify, keys: wish.keys !== null },
        });
      });
      this.#o.shelf.note(backup);
      this.#running = backup;
      const held = lease;
      lease = null;
      this.#work = this.#take(by, wish, backup).finally(async () => {
        this.#running = null;
        await held.release();
      });
      return backup;
    } finally {
      this.#beginning = false;
      await lease?.release();
    }
  }

  /** At a start: what a killed server left of a backup goes away, unless another server works on one. */
  async tidy(): Promise<void> {
    const lease = await keepLease(this.#o.database, this.#o.log, "backup", this.#o.owner);
    try {
      if (!lease.held()) return;
      this.#o.shelf.tidy();
      await dropScratch(this.#o.url);
    } finally {
      await lease.release();
    }
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.#work;
  }

  async #checkRoom(verify: boolean): Promise<void> {
    const needed = await bytesNeeded(this.#o, verify);
    const { bavail, bsize } = await statfs(this.#o.shelf.dir);
    const free = bavail * bsize;
    if (free >= needed) return;
    throw new ProblemError("LK_UNAVAILABLE", {
      detail: `A backup may need ${megabytes(needed)} MB; the disk of ${this.#o.shelf.dir} has ${megabytes(free)} MB left.`,
      remedy: verify ? "Free some, or take it without proof: latchkey backup --no-verify" : "Free some and ask again.",
    });
  }

  async #take(by: Principal, wish: Wish, backup: Backup): Promise<void> {
    const { log, shelf } = this.#o;
    const started = performance.now();
    const file = shelf.fileOf(backup.id);
    const say = (words: string, percent: number | null = null) => {
      this.#running = { ...backup, progress: { words, percent } };
    };
    let ended: Backup;
    try {
      const asked = { id: backup.id, file, at: new Date(backup.createdAt), keys: wish.keys };
      const { manifest, sizeBytes } = await takeBackup(this.#o, asked, (words, done, total) =>
        say(words, total === 0 ? null : Math.min(99, Math.floor((100 * done) / total))),
      );
      const proof: Verification = wish.verify
        ? await verifyBackup(this.#o, file, (words) => say(words))
        : { state: "skipped", words: "It was not restored for proof, as was asked for (--no-verify)." };
      const now = new Date().toISOString();
      ended = {
        ...backup,
        state: "kept",
        progress: null,
        finishedAt: now,
        file: `${backup.id}.tar`,
        sizeBytes,
        durationMs: Math.round(performance.now() - started),
        contents: contentsOf(manifest),
        verification: { ...proof, at: now },
      };
    } catch (error) {
      log.error({ err: error, backupId: backup.id }, "the backup failed");
      shelf.drop(backup.id);
      const problem = error instanceof Error ? error.message : String(error);
      ended = { ...backup, state: "failed", progress: null, finishedAt: new Date().toISOString(), problem };
    }
    await this.#conclude(by, ended);
  }

  async #conclude(by: Principal, ended: Backup): Promise<void> {
    const { database, log, shelf, keep } = this.#o;
    try {
      shelf.note(ended);
      const deleted = ended.state === "kept" ? shelf.keepNewest(keep) : [];
      await database.transaction((tx) =>
        record(tx, {
          type: ended.state === "kept" ? "platform.backup.taken" : "platform.backup.failed",
          subject: `backup/${ended.id}`,
          project: "main",
          actor: { id: by.id, kind: by.kind, name: by.name },
          data:
            ended.state === "kept"
              ? {
                  sizeBytes: ended.sizeBytes,
                  ledger: ended.contents?.ledger,
                  verification: ended.verification?.state,
                  keys: ended.contents?.keys,
                  deleted,
                }
              : { problem: (ended.problem ?? "").slice(0, 500) },
        }),
      );
    } catch (error) {
      log.error({ err: error, backupId: ended.id }, "the end of a backup could not be noted");
    }
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1_048_576);

const underWay = (detail: string) => new ProblemError("LK_BUSY", { detail, remedy: "Wait for it: latchkey backups" });

const begun = (by: Principal): Backup => ({
  id: newId("bak"),
  state: "running",
  createdAt: new Date().toISOString(),
  finishedAt: null,
  takenBy: by.name,
  progress: { words: "Beginning", percent: null },
  problem: null,
  file: null,
  sizeBytes: null,
  durationMs: null,
  contents: null,
  verification: null,
});

function contentsOf(m: Omit<Manifest, "parts">): NonNullable<Backup["contents"]> {
  const rows = m.tables.reduce((sum, table) => sum + table.rows, 0);
  const words = [
    `In it: ${m.tables.length} tables with ${rows} rows, a ledger of ${m.ledger.size} entries, ${m.artifacts.length} artifacts.`,
    m.keys
      ? `In it, closed with the passphrase: ${m.keys.files.join(", ")}.`
      : "The keys are not in it. Restored where they are lost, the ledger goes on with a new key, and the names and words of persons are unreadable for ever. Keep ledger.key and subjects.key in a second place, or take backups with --passphrase-file.",
    m.notIncluded.length > 0
      ? `Not in it: the databases of the workloads (${m.notIncluded.join(", ")}). Back them up with their own tools.`
      : "Not in it: databases of workloads. There are none yet.",
  ];
  if (m.missingArtifacts.length > 0)
    words.push(`Not in it: ${m.missingArtifacts.length} artifacts whose files are not on this server any more.`);
  return {
    tables: m.tables.length,
    rows,
    ledger: { size: m.ledger.size, rootHash: m.ledger.rootHash },
    artifacts: m.artifacts.length,
    artifactBytes: m.artifacts.reduce((sum, artifact) => sum + artifact.sizeBytes, 0),
    missingArtifacts: m.missingArtifacts,
    keys: m.keys?.files ?? [],
    notIncluded: m.notIncluded,
    words,
  };
}
