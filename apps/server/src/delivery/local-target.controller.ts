import { join } from "node:path";
import type { Prober, Run, Running, RunSpec, StartFailure, Target } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import { baseEnvironment } from "../platform/adapters/local/command.ts";
import { httpProber } from "../platform/adapters/local/prober.ts";
import { type Machine, type ProcessIdentity, thisMachine } from "../platform/adapters/local/process-table.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { machineId } from "../platform/machine-id.ts";
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

const identityOf = (row: Pick<ProcessRow, "pid" | "pid_started">): ProcessIdentity | null =>
  row.pid !== null && row.pid_started !== null ? { pid: row.pid, started: row.pid_started } : null;

export interface LocalTargetOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly prober: Prober;
  /** `.latchkey`: what releases write goes there. */
  readonly dir: string;
  /** What servers share: every server of this machine finds the processes there that another one started. */
  readonly sharedDir: string;
  /** This machine's name among those that servers run on, and where its releases listen. */
  readonly here: { readonly id: string; readonly address: string };
  /** Whether this server may still act: asked at the last moment before a process is started or ended. */
  readonly mayAct: () => boolean;
  /** A release that ran on another machine runs here from this transaction on. */
  readonly onMoved: (tx: Transaction, spec: RunSpec) => Promise<void>;
}
/** What was started, before its row is written. */
type Launched = Omit<ProcessRow, "retire_at" | "environment">;

/**
 * The `local` target: each release is one detached process on a free port of this machine. The row in the database is
 * the desired state; `tend` makes it true again after a crash of the release or of this server. Of a process on another
 * machine nothing can be seen from here: `ensureRunning` starts the release here and moves the row when it is ready.
 */
export class LocalTarget implements Target {
  readonly #database: Transactions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #machine: Machine;
  readonly #prober: Prober;
  readonly #mayAct: () => boolean;
  readonly #logDir: string;
  readonly #pidDir: string;
  readonly #here: LocalTargetOptions["here"];
  readonly #onMoved: LocalTargetOptions["onMoved"];
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
    this.#pidDir = pidDirOf(options.sharedDir, options.here.id);
    this.#here = options.here;
    this.#onMoved = options.onMoved;
  }

  logFileOf(run: Run): string {
    return join(this.#logDir, `${nameOf(run)}.log`);
  }

  /** Whether the run of this name is on its way up by this server's hand. */
  isStarting(name: string): boolean {
    return this.#starting.has(name);
  }

  async ensureRunning(spec: RunSpec): Promise<Result<Running, StartFailure>> {
    this.#starting.add(nameOf(spec));
    try {
      return await this.#bringUp(spec);
    } finally {
      this.#starting.delete(nameOf(spec));
    }
  }

  async #bringUp(spec: RunSpec): Promise<Result<Running, StartFailure>> {
    const known = await findProcess(this.#database.db, spec);
    if (known && !this.#isHere(known)) return this.#move(spec, known);
    let row: Launched;
    if (known && this.#isAlive(known)) {
      await setRetirement(this.#database.db, spec, null);
      row = known;
    } else {
      row = await this.#start(spec, known);
    }
    const ready = await this.#untilReady(row, spec);
    return ready.ok ? ok({ upstreams: [upstreamOf(row)], remark: ready.value }) : ready;
  }

  /** Visitors are sent to the process on the other machine until the one here is ready. */
  async #move(spec: RunSpec, known: ProcessRow): Promise<Result<Running, StartFailure>> {
    const row = await this.#launch(spec, null, known.restarts);
    const ready = await this.#untilReady(row, spec);
    if (!ready.ok) {
      await this.#endLaunched(row);
      return ready;
    }
    const isMoved = await this.#database.transaction(async (tx) => {
      if (!(await saveProcess(tx, row, known))) return false;
      await this.#onMoved(tx, spec);
      return true;
    });
    if (!isMoved) throw await this.#overtaken(row);
    this.#log.info({ releaseId: spec.releaseId, from: known.machine, upstream: upstreamOf(row) }, "release moved here");
    return ok({ upstreams: [upstreamOf(row)], remark: ready.value });
  }

  #isHere(row: Pick<ProcessRow, "machine">): boolean {
    return row.machine === null || row.machine === this.#here.id;
  }
  #isAlive(row: Launched): boolean {
    const identity = this.#isHere(row) ? identityOf(row) : null;
    return identity !== null && this.#machine.isAlive(identity);
  }

  async #start(spec: RunSpec, known: ProcessRow | null, restarts = known?.restarts ?? 0): Promise<Launched> {
    // The port stays over restarts, so that the gateways' tables stay true.
    const row = await this.#launch(spec, known, restarts);
    if (!(await saveProcess(this.#database.db, row, known))) throw await this.#overtaken(row);
    const before = this.#recent.get(nameOf(spec));
    this.#recent.set(nameOf(spec), { count: before?.count ?? 0, nextAt: 0, startedAt: this.#clock.monotonic() });
    return row;
  }

  async #launch(spec: RunSpec, known: ProcessRow | null, restarts: number): Promise<Launched> {
    const { id: machine } = this.#here;
    const address = known?.address ?? this.#here.address;
    const port = known?.port ?? (await this.#machine.freePort());
    // A server that stood still may have been overtaken: another one starts what is to run by now.
    if (!this.#mayAct()) throw new Error("another server looks after the releases by now");
    const identity = await this.#machine.launch({
      command: spec.command,
      cwd: spec.artifactDir,
      logFile: this.logFileOf(spec),
      pidFile: join(this.#pidDir, `${nameOf(spec)}.pid`),
      env: {
        ...baseEnvironment(),
        ...spec.environmentVariables,
        PORT: String(port),
        HOST: address,
        NODE_ENV: "production",
        LATCHKEY_SERVICE: spec.service,
        LATCHKEY_ENVIRONMENT: spec.environment,
        LATCHKEY_DEPLOYMENT: spec.deploymentId,
        LATCHKEY_RELEASE: spec.releaseName,
      },
    });
    this.#log.info({ releaseId: spec.releaseId, port, pid: identity.pid }, "release started");
    return {
      ...{ release_id: spec.releaseId, spec, port, restarts, machine, address },
      ...{ pid: identity.pid, pid_started: identity.started },
    };
  }

  async #endLaunched(row: Launched): Promise<void> {
    const identity = identityOf(row);
    if (identity) await this.#machine.end(identity, DRAIN_MS);
  }

  /** Another server was quicker: its process stays, and the one that was started here ends. */
  async #overtaken(row: Launched): Promise<Error> {
    await this.#endLaunched(row);
    return new Error(`another server has started ${row.release_id} meanwhile`);
  }

  /** A sentence where it is ready and degraded, null where it is ready and well. */
  async #untilReady(row: Launched, spec: RunSpec): Promise<Result<string | null, StartFailure>> {
    const deadline = this.#clock.monotonic() + spec.readyTimeoutMs;
    const upstream = upstreamOf(row);
    const identity = identityOf(row);
    let last = "It did not answer.";
    while (this.#clock.monotonic() < deadline) {
      const tail = () => this.#machine.tailOf(this.logFileOf(spec), 4_000);
      if (identity && !this.#machine.isAlive(identity))
        return err({ words: "The release's process ended before it was ready.", logTail: tail() });
      const health = await this.#prober.health(spec.healthPath, spec.healthShape, upstream, READY_TRY_MS);
      if (health.state === "healthy") return ok(null);
      if (health.state === "degraded") {
        this.#log.warn({ releaseId: spec.releaseId, health: health.words }, "release is ready, and degraded");
        return ok(`It is ready, and degraded: ${spec.healthPath} ${health.words}.`);
      }
      last = `${spec.healthPath} ${health.words}.`;
      await new Promise<void>((resolve) => this.#clock.after(READY_POLL_MS, resolve));
    }
    const words = `${spec.healthPath} was not healthy within ${Math.round(spec.readyTimeoutMs / 1000)} s. ${last}`;
    return err({ words, logTail: this.#machine.tailOf(this.logFileOf(spec), 4_000) });
  }

  async retire(run: Run): Promise<void> {
    const row = await findProcess(this.#database.db, run);
    if (!row) return;
    // The row goes first: a server that dies in between must not bring the release up again.
    await setRetirement(this.#database.db, run, new Date(this.#clock.now()));
    // On another machine its own server ends it, once the row says no more that it should run.
    const identity = this.#isHere(row) ? identityOf(row) : null;
    // A server that stood still may have been overtaken: what it wanted to end may serve by now.
    if (!this.#mayAct()) return;
    if (identity) await this.#machine.end(identity, DRAIN_MS);
    await deleteProcess(this.#database.db, run);
    this.#recent.delete(nameOf(run));
    this.#log.info({ releaseId: run.releaseId, environment: run.environment }, "release retired");
  }

  /** Memory and restarts since the release's first start, for people. */
  async figures(run: Run): Promise<{ restarts: number; residentBytes: number | null }> {
    const row = await findProcess(this.#database.db, run);
    return {
      restarts: row?.restarts ?? 0,
      residentBytes: row?.pid && this.#isAlive(row) ? this.#machine.residentBytesOf(row.pid) : null,
    };
  }

  async runs(): Promise<readonly (Run & { isHere: boolean })[]> {
    const rows = await listProcesses(this.#database.db);
    return rows.map((row) => ({ ...runOf(row), isHere: this.#isHere(row) }));
  }

  async upstreamOf(run: Run): Promise<string | null> {
    const row = await findProcess(this.#database.db, run);
    return row?.port ? upstreamOf(row) : null;
  }

  /**
   * One round: restarts what died, with back-off, and ends what is to retire. Called several times a second: the
   * processes are looked at each time, the database once a second or when one of them is gone.
   */
  async tend(): Promise<void> {
    const isWell = (row: ProcessRow): boolean => row.retire_at === null && (!this.#isHere(row) || this.#isAlive(row));
    if (this.#clock.monotonic() - this.#listedAt < LIST_EVERY_MS && this.#listed.every(isWell)) return;
    this.#listed = await listProcesses(this.#database.db);
    this.#listedAt = this.#clock.monotonic();
    for (const row of this.#listed) {
      const run = runOf(row);
      const name = nameOf(run);
      if (this.#starting.has(name)) continue;
      if (row.retire_at !== null) {
        await this.retire(run);
        continue;
      }
      if (isWell(row)) continue;
      const now = this.#clock.monotonic();
      const recent = this.#recent.get(name) ?? { count: 0, nextAt: 0, startedAt: now };
      const count = now - recent.startedAt > 60_000 ? 0 : recent.count;
      if (recent.nextAt === 0) {
        this.#recent.set(name, { count, nextAt: now + backOffMs(count), startedAt: recent.startedAt });
        if (count > 0) continue;
      } else if (now < recent.nextAt) continue;
      this.#log.warn({ releaseId: row.release_id, pid: row.pid }, "release died; restarting");
      this.#recent.set(name, { count: count + 1, nextAt: 0, startedAt: now });
      await this.#start(row.spec, row, row.restarts + 1);
    }
  }

  /** Ends every release that runs here, for a full stop. The next start brings the served ones back. */
  async endAll(): Promise<void> {
    await Promise.all(
      (await listProcesses(this.#database.db))
        .filter((row) => this.#isHere(row))
        .map(async (row) => {
          const identity = identityOf(row);
          if (identity) await this.#machine.end(identity, DRAIN_MS);
          // Without its row the next start brings a served release up anew, with the addresses of then.
          await deleteProcess(this.#database.db, runOf(row));
        }),
    );
  }
}

const runOf = ({ release_id, environment }: ProcessRow): Run => ({ releaseId: release_id, environment });
/** What a run's files are called. */
const nameOf = ({ releaseId, environment }: Run): string => `${environment}-${releaseId}`;
const upstreamOf = (row: Pick<ProcessRow, "address" | "port">): string => `http://${row.address}:${row.port}`;

/** Where the processes of a machine are noted, for all servers that run on it. */
export const pidDirOf = (sharedDir: string, machine: string): string => join(sharedDir, "processes", machine);

type Here = Pick<LocalTargetOptions, "database" | "log" | "dir" | "mayAct"> &
  Partial<Pick<LocalTargetOptions, "sharedDir" | "onMoved">> & { readonly address?: string };

/** The target on this machine, with real processes. */
export const localTargetHere = ({ address = "127.0.0.1", ...o }: Here): LocalTarget =>
  new LocalTarget({
    sharedDir: o.dir,
    onMoved: async () => {},
    ...o,
    here: { id: machineId(), address },
    clock: systemClock,
    machine: thisMachine,
    prober: httpProber,
  });
