import { stripVTControlCharacters } from "node:util";
import type {
  HostCall,
  Prober,
  ReleaseHost,
  Run,
  Running,
  RunSpec,
  StartFailure,
  Target,
} from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import {
  addSaid,
  findHosted,
  forgetHosted,
  listHosted,
  retireHosted,
  SAID_MAX,
  saveHosted,
  sayOfHosted,
  wantHosted,
} from "./hosted-releases.store.ts";

const READY_POLL_MS = 250;
const READY_TRY_MS = 5_000;
/** What should end is looked for this often. */
const LIST_EVERY_MS = 1_000;
/** After a failure: 1 s doubling to 60 s, so that a provider that is down is not asked every second. */
const backOffMs = (failures: number): number => Math.min(60_000, 1_000 * 2 ** (failures - 1));
const WORDS_MAX = 500;
/** A host that says much at once is written down, and shown, this often. */
const SAY_EVERY_MS = 250;

export interface HostedTargetOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly prober: Prober;
  /** What runs releases of a kind of target; null where none does. */
  readonly hostOf: (kind: string) => ReleaseHost | null;
  /** Whether this server may still act: asked at the last moment before a host is. */
  readonly mayAct: () => boolean;
  /** A release that is served answers somewhere else from this transaction on. */
  readonly onMoved: (tx: Transaction, spec: RunSpec) => Promise<void>;
  /** Its host has said how far it is. */
  readonly onSaid?: (spec: RunSpec) => void;
}
interface Call {
  readonly controller: AbortController;
  readonly done: Promise<unknown>;
}

/**
 * Releases that hosts run. What is wanted is written first, then asked for, then written as done: a server that dies in
 * between asks again, which hosts must stand. One call at a time for each release.
 */
export class HostedTarget implements Target {
  readonly #o: HostedTargetOptions;
  readonly #calls = new Map<string, Call>();
  readonly #failures = new Map<string, { count: number; until: number }>();
  #listedAt = Number.NEGATIVE_INFINITY;

  constructor(options: HostedTargetOptions) {
    this.#o = options;
  }

  async ensureRunning(spec: RunSpec): Promise<Result<Running, StartFailure>> {
    const kind = spec.target?.kind ?? "";
    const host = this.#o.hostOf(kind);
    if (!host) return err({ words: `Nothing here runs releases of the target ${kind}.`, logTail: "" });
    const { db } = this.#o.database;
    const known = await findHosted(db, spec);
    if (known?.state === "running") return ok({ upstreams: known.upstreams, remark: null });
    const failed = this.#failures.get(nameOf(spec));
    if (failed && this.#o.clock.monotonic() < failed.until)
      return err({ words: known?.words ?? "It failed, and is tried again soon.", logTail: "" });
    return this.#alone(spec, (call) => this.#prepare(spec, host, call, known !== null));
  }

  async #prepare(
    spec: RunSpec,
    host: ReleaseHost,
    call: HostCall,
    wasKnown: boolean,
  ): Promise<Result<Running, StartFailure>> {
    const { database } = this.#o;
    // A server that stood still may have been overtaken.
    if (!this.#o.mayAct()) throw new Error("another server looks after the releases by now");
    const before = await wantHosted(database.db, spec, spec.target?.kind ?? "");
    const prepared = await host.prepare(spec, call);
    const ready = prepared.ok ? await this.#untilReady(prepared.value, spec, call.signal) : prepared;
    if (!ready.ok) {
      this.#failed(spec);
      await sayOfHosted(database.db, spec, cut(ready.error.words));
      return ready;
    }
    const { upstreams, remark } = ready.value;
    const isTaken = await database.transaction(async (tx) => {
      if (!(await saveHosted(tx, spec, upstreams, remark))) return false;
      // Whoever knows an older address, or none, has to hear of it.
      if (wasKnown && before?.upstreams[0] !== upstreams[0]) await this.#o.onMoved(tx, spec);
      return true;
    });
    if (!isTaken) return err({ words: "It was retired while it was prepared.", logTail: "" });
    this.#failures.delete(nameOf(spec));
    this.#o.log.info({ releaseId: spec.releaseId, upstreams }, "release prepared");
    return ready;
  }

  async #untilReady(
    running: Running,
    spec: RunSpec,
    signal: HostCall["signal"],
  ): Promise<Result<Running, StartFailure>> {
    const [upstream] = running.upstreams;
    if (upstream === undefined) return err({ words: "Its host did not say where the release is asked.", logTail: "" });
    const deadline = this.#o.clock.monotonic() + spec.readyTimeoutMs;
    let last = "It did not answer.";
    while (this.#o.clock.monotonic() < deadline && !signal.aborted) {
      const health = await this.#o.prober.health(spec.healthPath, spec.healthShape, upstream, READY_TRY_MS);
      if (health.state === "healthy") return ok(running);
      const words = `${spec.healthPath} ${health.words}.`;
      if (health.state === "degraded") return ok({ ...running, remark: `It is ready, and degraded: ${words}` });
      last = words;
      await new Promise<void>((resolve) => this.#o.clock.after(READY_POLL_MS, resolve));
    }
    const limit = `${Math.round(spec.readyTimeoutMs / 1000)} s`;
    return err({ words: `${upstream}${spec.healthPath} was not healthy within ${limit}. ${last}`, logTail: "" });
  }

  /** Marks it, and begins to end it. What takes long, or fails, is gone on with by `tend`. */
  async retire(run: Run): Promise<void> {
    if (!this.#o.mayAct()) return;
    const row = await retireHosted(this.#o.database.db, run);
    if (!row) return;
    // A release that is still prepared is not wanted any more.
    const call = this.#calls.get(nameOf(run));
    call?.controller.abort();
    this.#end(row.spec, row.kind);
  }

  #end(spec: RunSpec, kind: string): void {
    const host = this.#o.hostOf(kind);
    this.#alone(spec, async (call) => {
      const now = await findHosted(this.#o.database.db, spec);
      if (now?.state !== "retiring" || !this.#o.mayAct()) return;
      const ended: Result<null, StartFailure> = host
        ? await host.retire(now.spec, call)
        : err({ words: `Nothing here ends releases of the target ${kind}.`, logTail: "" });
      if (ended.ok) {
        await forgetHosted(this.#o.database.db, spec);
        this.#failures.delete(nameOf(spec));
        this.#o.log.info({ releaseId: spec.releaseId }, "release retired");
        return;
      }
      this.#failed(spec);
      await sayOfHosted(this.#o.database.db, spec, cut(`It could not be ended: ${ended.error.words}`));
    }).catch((error: unknown) => {
      this.#failed(spec);
      this.#o.log.error({ err: error, releaseId: spec.releaseId }, "a release could not be ended");
    });
  }

  /** After what is under way for the release. */
  async #alone<T>(spec: RunSpec, work: (call: HostCall) => Promise<T>): Promise<T> {
    const name = nameOf(spec);
    for (let busy = this.#calls.get(name); busy; busy = this.#calls.get(name)) await busy.done.catch(() => {});
    const controller = new AbortController();
    const done = work({ say: this.#note(spec), signal: controller.signal }).finally(() => this.#calls.delete(name));
    this.#calls.set(name, { controller, done });
    return done;
  }

  /** Takes lines in as fast as they come, and writes them down now and then: of a flood the last ones. */
  #note(spec: RunSpec): HostCall["say"] {
    const waiting: string[] = [];
    return (line) => {
      const isFirst = waiting.length === 0;
      waiting.push(cut(line));
      if (waiting.length > SAID_MAX) waiting.shift();
      if (!isFirst) return;
      this.#o.clock.after(SAY_EVERY_MS, () => {
        addSaid(this.#o.database.db, spec, waiting.splice(0))
          .then(() => this.#o.onSaid?.(spec))
          .catch((error: unknown) => this.#o.log.debug({ err: error }, "what a host says could not be noted"));
      });
    };
  }

  #failed(run: Run): void {
    const count = (this.#failures.get(nameOf(run))?.count ?? 0) + 1;
    this.#failures.set(nameOf(run), { count, until: this.#o.clock.monotonic() + backOffMs(count) });
  }

  /** Nothing is known of its processes. */
  async figures(): Promise<{ restarts: number; residentBytes: number | null }> {
    return { restarts: 0, residentBytes: null };
  }

  async upstreamOf(run: Run): Promise<string | null> {
    return (await findHosted(this.#o.database.db, run))?.upstreams[0] ?? null;
  }

  /** A release that is not known to run is somebody's to bring up, or to retire. */
  async runs(): Promise<readonly (Run & { isHere: boolean })[]> {
    const rows = await listHosted(this.#o.database.db);
    return rows.map((row) => ({
      ...{ releaseId: row.release_id, environment: row.environment },
      isHere: row.state === "running",
    }));
  }

  /** Goes on with what is to end: its server may have died, or its host did not answer. */
  async tend(): Promise<void> {
    const now = this.#o.clock.monotonic();
    if (now - this.#listedAt < LIST_EVERY_MS) return;
    this.#listedAt = now;
    for (const row of await listHosted(this.#o.database.db)) {
      const name = nameOf({ releaseId: row.release_id, environment: row.environment });
      if (row.state !== "retiring" || this.#calls.has(name)) continue;
      if (now >= (this.#failures.get(name)?.until ?? 0)) this.#end(row.spec, row.kind);
    }
  }

  /** Nothing is waited for any more; the next server asks again. */
  async stop(): Promise<void> {
    const calls = [...this.#calls.values()];
    for (const { controller } of calls) controller.abort();
    await Promise.all(calls.map(({ done }) => done.catch(() => {})));
  }
}

const nameOf = ({ releaseId, environment }: Run): string => `${environment}-${releaseId}`;
/** What people see in a terminal or on a page: colours and cursor movements are for whoever ran the script. */
const cut = (words: string): string =>
  stripVTControlCharacters(words)
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, WORDS_MAX);
