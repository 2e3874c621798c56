import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { attributeReader } from "@latchkey/core/flags/attribute";
import type { Evaluated } from "@latchkey/core/flags/compile";
import { type EvaluationContext, type FlagValue, OTHERWISE, type Serve } from "@latchkey/core/flags/model";
import { SeenSample } from "@latchkey/core/flags/seen";
import { type FlagSnapshot, readSnapshot } from "@latchkey/core/flags/snapshot";
import { ask } from "./ask.ts";
import { backoffMs } from "./backoff.ts";
import { LazySet } from "./lazy-set.ts";
import { becameOf } from "./outbox.ts";
import { type Outcome, Reports } from "./reports.ts";
import type { RequestOutcome } from "./request-outcome.ts";
import { SnapshotSource } from "./snapshot-source.ts";
import {
  type AnyFlags,
  type FlagDetails,
  type FlagRef,
  type FlagsEvents,
  type FlagsState,
  type FlagTypes,
  failed,
  fits,
  type KeyOf,
  Listeners,
  mismatch,
  type ValueOf,
} from "./values.ts";

export { observeFetch, observeHttp } from "./node-requests.ts";
export type * from "./values.ts";

const POST_MS = 5_000;
/** How old values may be in a function before the next call has them looked up behind its back. */
const MAX_AGE_MS = 10_000;
const SLOW_MS = 500;

export interface FlagsOptions {
  /** Where Latchkey is: `https://latchkey.example.com`. Undefined: only the snapshot, for tests and for work without a network. */
  readonly url?: string | undefined;
  /** A key for servers (`latchkey flags create-key api --kind server`). */
  readonly key?: string | undefined;
  /** What holds until the server has answered: the object, or the path of a file. `latchkey flags codegen --snapshot` writes one. */
  readonly snapshot?: unknown;
  /** A file that keeps what the server said last, for a start without it. Goes before `snapshot`. */
  readonly keepIn?: string | undefined;
  /**
   * `server` (the default): follows the server's stream of changes. `function`: an instance that is frozen between calls; looks
   * behind a call's back when what it knows is older than 10 s, and no call waits.
   */
  readonly mode?: "server" | "function";
  /** False: the server is not told who met which variant, nor what `track` says. */
  readonly reports?: boolean;
  /** An answer that takes longer than so many milliseconds is a bad event of `latency`; 500 unless told. */
  readonly slowMs?: number;
  /** Hears sentences for a log: what could not be read, and when the server can't be reached or is back. */
  readonly onProblem?: (words: string) => void;
}

/** Opens the flags of an environment. Returns at once, and throws nothing: what is wrong is told to `onProblem`. */
export function openFlags<T extends FlagTypes = AnyFlags>(o: FlagsOptions): Flags<T> {
  return new Flags<T>(o);
}

const DAY_MS = 86_400_000;

/** Who gets what, decided in this process. No call waits or throws. */
export class Flags<T extends FlagTypes = AnyFlags> {
  readonly #o: FlagsOptions;
  readonly #listeners = new Listeners();
  readonly #source: SnapshotSource | null;
  readonly #reports: Reports | null;
  readonly #isFunction: boolean;
  #snapshot: FlagSnapshot | null = null;
  #set: LazySet | null = null;
  #state: FlagsState = "starting";
  #problem: string | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #lookAfterMs = 0;
  #attempt = 0;
  readonly #flushAtExit = () => void this.flush();

  constructor(o: FlagsOptions) {
    this.#o = o;
    this.#isFunction = o.mode === "function";
    const known = this.#kept() ?? this.#bundled();
    if (known) {
      this.#hold(known);
      this.#state = "stale";
    }
    const { url, key } = o;
    if (!url || !key) {
      this.#source = null;
      this.#reports = null;
      if (url && !key) this.#complain("There is no key for the flags' server. `latchkey flags create-key` makes one.");
      return;
    }
    this.#source = new SnapshotSource({
      ...{ url, key },
      onSnapshot: (snapshot) => {
        this.#take(snapshot);
        void this.#keep(snapshot);
      },
      onContact: (problem) => this.#contact(problem),
    });
    this.#reports =
      o.reports === false ? null : new Reports({ later: laterUnref, post: (path, body) => post(url, key, path, body) });
    // Once: a server that takes nothing must not keep the process for ever.
    if (this.#reports) process.once("beforeExit", this.#flushAtExit);
    if (!this.#isFunction) void this.#source.follow();
    else this.#look(Date.now());
  }

  /** How contact with the server stands. */
  get state(): FlagsState {
    return this.#state;
  }
  /** Why the server can't be reached; null while it can. */
  get problem(): string | null {
    return this.#problem;
  }
  /** Exposures and events that are not sent yet. */
  get waiting(): number {
    return this.#reports?.waiting ?? 0;
  }
  /** The keys that are known. */
  get keys(): readonly string[] {
    return this.#snapshot?.flags.map((flag) => flag.key) ?? [];
  }
  /** What holds here, to be written to a file for the next start. */
  get snapshot(): FlagSnapshot | null {
    return this.#snapshot;
  }

  /** The value for who asks; the fallback where the flag is unknown or of another type. */
  value<K extends KeyOf<T>, V extends T[K]>(
    key: K,
    fallback: V,
    context: EvaluationContext = NOBODY,
  ): ValueOf<T, K, V> {
    return this.#details(key, fallback as FlagValue, context).value as ValueOf<T, K, V>;
  }
  /** The value with variant, reason and rule. */
  details<K extends KeyOf<T>, V extends T[K]>(
    key: K,
    fallback: V,
    context: EvaluationContext = NOBODY,
  ): FlagDetails<ValueOf<T, K, V>> {
    return this.#details(key, fallback as FlagValue, context) as FlagDetails<ValueOf<T, K, V>>;
  }
  /** The value of a flag that generated code names. */
  get<V>(flag: FlagRef<V>, context: EvaluationContext = NOBODY): V {
    return this.#details(flag.key, flag.fallback as FlagValue, context).value as V;
  }

  on<E extends keyof FlagsEvents>(event: E, listener: FlagsEvents[E]): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Resolves when the server has answered, or after `withinMs` all the same; true when what is known is its answer. */
  async ready(o: { readonly withinMs: number }): Promise<boolean> {
    if (this.#state === "ready" || !this.#source) return this.#state === "ready";
    if (this.#isFunction) this.#look(Date.now());
    return new Promise((resolve) => {
      const done = (isReady: boolean) => {
        clearTimeout(timer);
        off();
        resolve(isReady);
      };
      const timer = setTimeout(() => done(false), o.withinMs);
      const off = this.on("state", (state) => state !== "starting" && state !== "stale" && done(state === "ready"));
    });
  }

  /**
   * Tells the server what happened to somebody, for the guardrails and goals of rollouts: `track("errors", user.id, { isBad })`.
   * `key` is what decided the bucket: the targeting key, as a rule.
   */
  track(metric: string, key: string, outcome: Outcome = {}): void {
    this.#reports?.happened(metric, key, outcome);
  }

  /**
   * Tells the server how somebody's request went: good or bad for `errors`, and for `latency` (with the milliseconds). Only of who
   * met a share's variant in this process, and only what is worse than what it told of them within a minute: a user counts once.
   */
  observeRequest(context: EvaluationContext, { ok, durationMs }: RequestOutcome): void {
    const reports = this.#reports;
    if (!reports) return;
    try {
      for (const read of this.#readers.values()) {
        const who = textOf(read(context));
        if (who === null) continue;
        reports.noticed("errors", who, { isBad: !ok });
        if (durationMs === undefined) continue;
        reports.noticed("latency", who, { isBad: durationMs > (this.#o.slowMs ?? SLOW_MS), value: durationMs });
      }
    } catch {
      // A context whose attributes can't be read is nobody: no request fails for what is told of it.
    }
  }

  /** Sends what waits for the server: at the end of a function's call, `context.waitUntil(flags.flush())`. */
  flush(): Promise<void> {
    return this.#reports?.flush() ?? Promise.resolve();
  }

  /** Ends the stream and sends what waits. Values go on being answered as they were. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#source?.stop();
    process.off("beforeExit", this.#flushAtExit);
    this.#move("closed");
    await this.flush();
  }

  #details(key: string, fallback: FlagValue, context: EvaluationContext): FlagDetails<FlagValue> {
    try {
      const nowMs = Date.now();
      if (this.#isFunction && nowMs - this.#lookedAt > this.#lookAfterMs) this.#look(nowMs);
      if (!this.#set) return failed(fallback, "PROVIDER_NOT_READY", "The flags are not known yet.");
      const found = this.#set.evaluate(key, context, nowMs);
      if (this.#reports) this.#see(context, nowMs, this.#reports);
      if (found.errorCode) return failed(fallback, found.errorCode, found.errorMessage ?? `There is no flag "${key}".`);
      // Nothing is served, and that is no error: what the code says holds.
      if (found.variant === null) return { ...(found as FlagDetails<FlagValue>), value: fallback };
      if (!fits(found.value, fallback)) return mismatch(fallback, key, found.value);
      if (found.reason === "SPLIT") this.#expose(key, found, context);
      return found as FlagDetails<FlagValue>;
    } catch (error) {
      return failed(fallback, "GENERAL", error instanceof Error ? error.message : String(error));
    }
  }

  #sample = new SeenSample();
  #sampleEndsAt = 0;
  /** A sample of each day's users, without their identity, is what a change of a flag is tried on. */
  #see(context: EvaluationContext, nowMs: number, reports: Reports): void {
    if (nowMs >= this.#sampleEndsAt) {
      this.#sample = new SeenSample();
      this.#sampleEndsAt = nowMs - (nowMs % DAY_MS) + DAY_MS;
    }
    const one = this.#sample.note(context, randomUUID);
    if (one) reports.seen(one);
  }

  #expose(key: string, { variant, rule }: Evaluated, context: EvaluationContext): void {
    if (!this.#reports || variant === null || rule === null) return;
    const who = textOf(this.#unitOf(key, rule)(context));
    if (who !== null) this.#reports.exposed(key, variant, rule, who);
  }
  /** By attribute: all by which somebody was ever told apart. */
  readonly #readers = new Map<string, (context: EvaluationContext) => unknown>();
  #units = new Map<string, (context: EvaluationContext) => unknown>();
  /** The attribute that a rule tells users apart by. */
  #unitOf(key: string, rule: string): (context: EvaluationContext) => unknown {
    const id = `${key}\n${rule}`;
    const known = this.#units.get(id);
    if (known) return known;
    const rules = this.#snapshot && this.#set?.get(key)?.environments[this.#snapshot.environment];
    const serve: Serve | undefined =
      rule === OTHERWISE ? rules?.otherwise : rules?.rules.find((one) => one.id === rule)?.serve;
    const by = serve?.kind === "rollout" || serve?.kind === "split" ? serve.by : "targetingKey";
    const made = this.#readers.get(by) ?? attributeReader(by);
    this.#readers.set(by, made);
    this.#units.set(id, made);
    return made;
  }

  #hold(snapshot: FlagSnapshot): void {
    this.#snapshot = snapshot;
    this.#set = new LazySet(snapshot);
    this.#units = new Map();
    this.#reports?.forget();
  }
  #take(snapshot: FlagSnapshot): void {
    const before = this.#snapshot;
    this.#hold(snapshot);
    const changed = changedKeys(before, snapshot);
    if (changed.length > 0) this.#listeners.tell("change", changed);
  }

  #contact(problem: string | null): void {
    const before = this.#problem;
    this.#problem = problem;
    if (problem === null) this.#move("ready");
    else if (this.#snapshot) this.#move("stale");
    if (problem !== null && before === null) this.#complain(problem);
    if (problem === null && before !== null) this.#complain("The flags' server is back.");
  }
  #move(state: FlagsState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#listeners.tell("state", state);
  }
  #complain(words: string): void {
    try {
      this.#o.onProblem?.(words);
    } catch {
      // What the program's log does is no reason to end the program, or to lose the flags.
    }
  }

  /** In a function: one look at a time, none for a while after one that failed. */
  #look(nowMs: number): void {
    this.#lookedAt = nowMs;
    this.#lookAfterMs = MAX_AGE_MS;
    void this.#source?.refresh().then((isThere) => {
      this.#attempt = isThere ? 0 : this.#attempt + 1;
      this.#lookedAt = Date.now();
      this.#lookAfterMs = isThere ? MAX_AGE_MS : backoffMs(this.#attempt);
    });
  }

  #kept(): FlagSnapshot | null {
    const { keepIn } = this.#o;
    if (!keepIn) return null;
    try {
      return this.#read(JSON.parse(readFileSync(keepIn, "utf8")), keepIn);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") this.#complain(`${keepIn} can't be read: ${String(error)}`);
      return null;
    }
  }
  #bundled(): FlagSnapshot | null {
    const { snapshot } = this.#o;
    if (snapshot === undefined || snapshot === null) return null;
    try {
      const given = typeof snapshot === "string" ? JSON.parse(readFileSync(snapshot, "utf8")) : snapshot;
      return this.#read(given, typeof snapshot === "string" ? snapshot : "snapshot");
    } catch (error) {
      this.#complain(`The snapshot can't be read: ${String(error)}`);
      return null;
    }
  }
  #read(given: unknown, where: string): FlagSnapshot | null {
    const read = readSnapshot(given);
    if (typeof read !== "string") return read;
    this.#complain(`${where}: ${read}`);
    return null;
  }
  /** Whole or not at all: another process may read it just now. */
  async #keep(snapshot: FlagSnapshot): Promise<void> {
    const { keepIn } = this.#o;
    if (!keepIn) return;
    try {
      const draft = `${keepIn}.${process.pid}`;
      await writeFile(draft, JSON.stringify(snapshot));
      await rename(draft, keepIn);
    } catch (error) {
      this.#complain(`${keepIn} can't be written: ${String(error)}`);
    }
  }
}

/** The value of an attribute that tells users apart. */
const textOf = (who: unknown): string | null =>
  typeof who === "string" || typeof who === "number" ? String(who) : null;

const NOBODY: EvaluationContext = Object.freeze({});

function changedKeys(before: FlagSnapshot | null, after: FlagSnapshot): string[] {
  const texts = (snapshot: FlagSnapshot | null) =>
    new Map(snapshot?.flags.map((flag) => [flag.key, JSON.stringify(flag)]));
  const [old, now] = [texts(before), texts(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort();
  // Another segment may change any flag, and so may a flag that others need.
  if (JSON.stringify(before?.segments ?? []) !== JSON.stringify(after.segments)) return keys;
  const changed = keys.filter((key) => old.get(key) !== now.get(key));
  const isNeeded = after.flags.some((flag) =>
    Object.values(flag.environments).some((rules) => rules.prerequisites.some((one) => changed.includes(one.flag))),
  );
  return isNeeded ? keys : changed;
}

const laterUnref = (work: () => void, ms: number): (() => void) => {
  const timer = setTimeout(work, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

async function post(url: string, key: string, path: string, body: object) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const asked = { method: "POST", headers, body: JSON.stringify(body) } as const;
  return becameOf((await ask(url.replace(/\/+$/, "") + path, asked, POST_MS)).status);
}
