import { join } from "node:path";
import type { Prober, RunSpec, StartFailure, Target } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import { baseEnvironment } from "../platform/adapters/local/command.ts";
import { httpProber } from "../platform/adapters/local/prober.ts";
import { type Machine, type ProcessIdentity, thisMachine } from "../platform/adapters/local/process-table.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import {
  deleteProcess,
  findProcess,
  listProcesses,
  type ProcessRow,
  saveProcess,
  setRetirement,
} from "./processes.store.ts";

const READY_POLL_MS = 50;
const READY_TRY_MS = 2_000;
const LIST_EVERY_MS = 1_000;
/** Drain of a release before it is killed: longer than the gateway's time-out of 30 s would hold a rollback's end up. */
const DRAIN_MS = 10_000;
/** First restart at once; then 0.5 s doubling to 15 s. A minute of life forgives what was before. */
const backOffMs = (recent: number): number => (recent === 0 ? 0 : Math.min(15_000, 500 * 2 ** (recent - 1)));

const identityOf = (row: ProcessRow): ProcessIdentity | null =>
  row.pid !== null && row.pid_started !== null ? { pid: row.pid, started: row.pid_started } : null;

export interface LocalTargetOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly prober: Prober;
  /** `.latchkey`. */
  readonly dir: string;
  /** Whether this server may still act: asked at the last moment before a process is ended. */
  readonly mayAct: () => boolean;
}

/**
 * The `local` target: each release is one detached process on a free port of the loopback interface. The row in
 * the database is the desired state; `tend` makes it true again after a crash of the release or of this server.
 */
export class LocalTarget implements Target {
  readonly #database: Transactions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #machine: Machine;
  readonly #prober: Prober;
  readonly #mayAct: () => boolean;
  readonly #logDir: string;
  #listed: readonly ProcessRow[] = [];
  #listedAt = Number.NEGATIVE_INFINITY;
  readonly #recent = new Map<string, { count: number; nextAt: number; startedAt: number }>();
  /** Releases on their way up: `ensureRunning` looks after them, `tend` keeps out. */
  readonly #starting = new Set<string>();

  constructor(options: LocalTargetOptions) {
    this.#database = options.database;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#machine = options.machine;
    this.#prober = options.prober;
    this.#mayAct = options.mayAct;
    this.#logDir = join(options.dir, "logs", "releases");
  }

  logFileOf(releaseId: string): string {
    return join(this.#logDir, `${releaseId}.log`);
  }

  async ensureRunning(spec: RunSpec): Promise<Result<{ upstreams: readonly string[] }, StartFailure>> {
    this.#starting.add(spec.releaseId);
    try {
      return await this.#bringUp(spec);
    } finally {
      this.#starting.delete(spec.releaseId);
    }
  }

  async #bringUp(spec: RunSpec): Promise<Result<{ upstreams: readonly string[] }, StartFailure>> {
    const known = await findProcess(this.#database.db, spec.releaseId);
    const identity = known && identityOf(known);
    let row: ProcessRow;
    if (known && identity && this.#machine.isAlive(identity)) {
      await setRetirement(this.#database.db, spec.releaseId, null);
      row = known;
    } else {
      row = await this.#start({
        release_id: spec.releaseId,
        spec,
        port: known?.port ?? null,
        restarts: known?.restarts ?? 0,
      });
    }
    const failure = await this.#untilReady(row, spec);
    if (failure) return err(failure);
    return ok({ upstreams: [`http://127.0.0.1:${row.port}`] });
  }

  async #start(from: {
    release_id: string;
    spec: RunSpec;
    port: number | null;
    restarts: number;
  }): Promise<ProcessRow> {
    // The port stays over restarts, so that the gateways' tables stay true.
    const port = from.port ?? (await this.#machine.freePort());
    const { spec } = from;
    const identity = await this.#machine.launch({
      command: spec.command,
      cwd: spec.artifactDir,
      logFile: this.logFileOf(spec.releaseId),
      pidFile: join(this.#logDir, `${spec.releaseId}.pid`),
      env: {
        ...baseEnvironment(),
        ...spec.environmentVariables,
        PORT: String(port),
        HOST: "127.0.0.1",
        NODE_ENV: "production",
        LATCHKEY_SERVICE: spec.service,
        LATCHKEY_ENVIRONMENT: spec.environment,
        LATCHKEY_DEPLOYMENT: spec.deploymentId,
        LATCHKEY_RELEASE: spec.releaseName,
      },
    });
    const row = { ...from, port, pid: identity.pid, pid_started: identity.started };
    await saveProcess(this.#database.db, row);
    const before = this.#recent.get(from.release_id);
    this.#recent.set(from.release_id, { count: before?.count ?? 0, nextAt: 0, startedAt: this.#clock.monotonic() });
    this.#log.info({ releaseId: from.release_id, port, pid: identity.pid }, "release started");
    return { ...row, retire_at: null };
  }

  async #untilReady(row: ProcessRow, spec: RunSpec): Promise<StartFailure | null> {
    const deadline = this.#clock.monotonic() + spec.readyTimeoutMs;
    const upstream = `http://127.0.0.1:${row.port}`;
    const identity = identityOf(row);
    let last = "It did not answer.";
    while (this.#clock.monotonic() < deadline) {
      const tail = () => this.#machine.tailOf(this.logFileOf(spec.releaseId), 4_000);
      if (identity && !this.#machine.isAlive(identity))
        return { words: "The release's process ended before it was ready.", logTail: tail() };
      const wrong = await this.#prober.walk({ path: spec.healthPath, status: 200 }, upstream, READY_TRY_MS);
      if (wrong === null) return null;
      last = wrong;
      await new Promise<void>((resolve) => this.#clock.after(READY_POLL_MS, resolve));
    }
    const words = `${spec.healthPath} did not answer 200 within ${Math.round(spec.readyTimeoutMs / 1000)} s. ${last}`;
    return { words, logTail: this.#machine.tailOf(this.logFileOf(spec.releaseId), 4_000) };
  }

  async retire(releaseId: string): Promise<void> {
    const row = await findProcess(this.#database.db, releaseId);
    if (!row) return;
    // The row goes first: a server that dies in between must not bring the release up again.
    await setRetirement(this.#database.db, releaseId, new Date(this.#clock.now()));
    const identity = identityOf(row);
    // A server that stood still may have been overtaken: what it wanted to end may serve by now.
    if (!this.#mayAct()) return;
    if (identity) await this.#machine.end(identity, DRAIN_MS);
    await deleteProcess(this.#database.db, releaseId);
    this.#recent.delete(releaseId);
    this.#log.info({ releaseId }, "release retired");
  }

  /** Memory and restarts since the release's first start, for people. */
  async figures(releaseId: string): Promise<{ restarts: number; residentBytes: number | null }> {
    const row = await findProcess(this.#database.db, releaseId);
    const identity = row && identityOf(row);
    return {
      restarts: row?.restarts ?? 0,
      residentBytes: identity && this.#machine.isAlive(identity) ? this.#machine.residentBytesOf(identity.pid) : null,
    };
  }

  async releases(): Promise<readonly string[]> {
    return (await listProcesses(this.#database.db)).map((row) => row.release_id);
  }

  async upstreamOf(releaseId: string): Promise<string | null> {
    const row = await findProcess(this.#database.db, releaseId);
    return row?.port ? `http://127.0.0.1:${row.port}` : null;
  }

  /**
   * One round: restarts what died, with back-off, and ends what is to retire. Called several times a second: the
   * processes are looked at each time, the database once a second or when one of them is gone.
   */
  async tend(): Promise<void> {
    const isWell = (row: ProcessRow): boolean => {
      const identity = identityOf(row);
      return row.retire_at === null && identity !== null && this.#machine.isAlive(identity);
    };
    if (this.#clock.monotonic() - this.#listedAt < LIST_EVERY_MS && this.#listed.every(isWell)) return;
    this.#listed = await listProcesses(this.#database.db);
    this.#listedAt = this.#clock.monotonic();
    for (const row of this.#listed) {
      if (this.#starting.has(row.release_id)) continue;
      const identity = identityOf(row);
      if (row.retire_at !== null) {
        await this.retire(row.release_id);
        continue;
      }
      if (identity && this.#machine.isAlive(identity)) continue;
      const now = this.#clock.monotonic();
      const recent = this.#recent.get(row.release_id) ?? { count: 0, nextAt: 0, startedAt: now };
      const count = now - recent.startedAt > 60_000 ? 0 : recent.count;
      if (recent.nextAt === 0) {
        this.#recent.set(row.release_id, { count, nextAt: now + backOffMs(count), startedAt: recent.startedAt });
        if (count > 0) continue;
      } else if (now < recent.nextAt) continue;
      this.#log.warn({ releaseId: row.release_id, pid: row.pid }, "release died; restarting");
      this.#recent.set(row.release_id, { count: count + 1, nextAt: 0, startedAt: now });
      await this.#start({ ...row, restarts: row.restarts + 1 });
    }
  }

  /** Ends every release that runs here, for a full stop. The next start brings the served ones back. */
  async endAll(): Promise<void> {
    await Promise.all(
      (await listProcesses(this.#database.db)).map(async (row) => {
        const identity = identityOf(row);
        if (identity) await this.#machine.end(identity, DRAIN_MS);
        // Without its row the next start brings a served release up anew, with the addresses of then.
        await deleteProcess(this.#database.db, row.release_id);
      }),
    );
  }
}

/** The target on this machine, with real processes. */
export const localTargetHere = (o: Pick<LocalTargetOptions, "database" | "log" | "dir" | "mayAct">): LocalTarget =>
  new LocalTarget({ ...o, clock: systemClock, machine: thisMachine, prober: httpProber });
