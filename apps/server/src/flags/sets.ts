import type { Answer } from "@latchkey/api/client";
import { compileFlags, type FlagSet, type FlagSource } from "@latchkey/core/flags/compile";
import { type LiveRollout, liveRollouts } from "@latchkey/core/flags/experiment-rules";
import { explainFlag } from "@latchkey/core/flags/explain";
import type { EvaluationContext, Flag, RolloutState, Segment } from "@latchkey/core/flags/model";
import { OTHERWISE, withRollouts } from "@latchkey/core/flags/model";
import { neededFlags } from "@latchkey/core/flags/needed";
import { type FlagPreview, previewFlag } from "@latchkey/core/flags/preview";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Notifications } from "../platform/notifications.ts";
import { flagGenerations, liveFlags, rolloutsOf, type StoredDefinition, switchesOf } from "./flags.store.ts";
import { listSegments } from "./segments.store.ts";
import { flagOf, rolloutOf, segmentOf } from "./stored.ts";

/** Where LISTEN does not work (a pooler in between), another server's change is seen this late. */
const POLL_MS = 1_000;

interface Loaded {
  readonly generation: number;
  readonly flags: readonly Flag[];
  readonly byKey: ReadonlyMap<string, Flag>;
  readonly segments: readonly Segment[];
  readonly rollouts: readonly RolloutState[];
  /** Made when an environment is asked for first. */
  readonly compiled: Map<string, FlagSet>;
  readonly live: Map<string, Rollouts>;
  readonly sources: Map<string, FlagSource>;
}
/** The rollouts of an environment, by flag and rule. */
export type Rollouts = ReadonlyMap<string, LiveRollout>;
export const rolloutKey = (flag: string, rule: string): string => `${flag}/${rule}`;

export interface FlagSetsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly announcements: Notifications;
}

/**
 * A flag and what it needs in an environment, with another definition of it where that is given: what has been rolled out
 * stays there. The others are not asked for.
 */
function sourceWith(loaded: Loaded, key: string, environment: string, instead?: StoredDefinition): FlagSource {
  const { byKey, segments, rollouts } = loaded;
  const tried = instead && { ...instead, key, isArchived: false };
  const flags = neededFlags((one) => (one === key && tried ? tried : byKey.get(one)), key, environment);
  return { flags: flags.map((flag) => withRollouts(flag, environment, rollouts)), segments, environment };
}

/** The flags of every project as they hold now, in memory: an evaluation asks no database. */
export class FlagSets {
  readonly #o: FlagSetsOptions;
  readonly #loaded = new Map<string, Promise<Loaded>>();
  readonly #listeners = new Set<(project: string) => void>();
  readonly #off: () => void;
  #callOff = () => {};
  #round: Promise<void> | null = null;
  /** Looks that were asked for, and those that are done. */
  #asked = 0;
  #done = 0;
  #stopped = false;

  constructor(o: FlagSetsOptions) {
    this.#o = o;
    this.#off = o.announcements.on("flags", () => void this.look());
    this.#wait();
  }

  /** Calls `listener` after a project's flags changed, when the new ones are answered. */
  onChange(listener: (project: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The flags of an environment, compiled. */
  async of(project: string, environment: string): Promise<FlagSet> {
    const loaded = await this.#of(project);
    const known = loaded.compiled.get(environment);
    if (known) return known;
    const made = compileFlags(sourceIn(loaded, environment));
    loaded.compiled.set(environment, made);
    return made;
  }

  /** The rollouts of an environment where they stand. */
  async rollouts(project: string, environment: string): Promise<Rollouts> {
    const { flags, rollouts, live } = await this.#of(project);
    const known = live.get(environment);
    if (known) return known;
    const moved = byFlag(rollouts);
    const all = flags.flatMap((flag) => liveRollouts(flag, environment, moved.get(flag.key) ?? []));
    const made = new Map(all.map((one) => [rolloutKey(one.flag, one.rule), one]));
    live.set(environment, made);
    return made;
  }

  /** The definitions of a project's flags, by key. */
  async flags(project: string): Promise<ReadonlyMap<string, Flag>> {
    return (await this.#of(project)).byKey;
  }

  /** The environments that flags of a project are in. */
  async environments(project: string): Promise<ReadonlySet<string>> {
    const { flags } = await this.#of(project);
    return new Set(flags.flatMap((flag) => Object.keys(flag.environments)));
  }

  /** The definitions of an environment with rollouts where they stand; the same object until something changes. */
  async sourceOf(project: string, environment: string): Promise<FlagSource> {
    return sourceIn(await this.#of(project), environment);
  }

  /** The same with the number of its state: for who evaluates by themselves. */
  async source(project: string, environment: string): Promise<FlagSource & { readonly generation: number }> {
    const loaded = await this.#of(project);
    return { ...sourceIn(loaded, environment), generation: loaded.generation };
  }

  /** What somebody would get and why, also by a definition that is not saved. By what holds this moment. */
  async explain(
    project: string,
    asked: {
      readonly key: string;
      readonly environment: string;
      readonly context: EvaluationContext;
      readonly instead: StoredDefinition | undefined;
    },
  ): Promise<Answer<"explainFlag">> {
    const { key, environment, instead } = asked;
    const source = sourceWith(await this.#fresh(project), key, environment, instead);
    const found = explainFlag(source, key, asked.context, this.#o.clock.now());
    return {
      ...{ key, value: found.value, variant: found.variant, reason: found.reason, errorCode: found.errorCode },
      rule: found.rule === OTHERWISE ? null : found.rule,
      steps: [...found.steps],
    };
  }

  /** How many of some users would get something else by a definition that is not saved. */
  async preview(
    project: string,
    asked: {
      readonly key: string;
      readonly environment: string;
      readonly users: readonly EvaluationContext[];
      readonly instead: StoredDefinition | undefined;
    },
  ): Promise<FlagPreview> {
    const { key, environment, instead, users } = asked;
    const loaded = await this.#fresh(project);
    const now = compileFlags(sourceWith(loaded, key, environment));
    const then = instead ? compileFlags(sourceWith(loaded, key, environment, instead)) : now;
    return previewFlag(now, then, key, users, this.#o.clock.now());
  }

  /** As the database has it this moment: read anew only if something has changed. */
  async #fresh(project: string): Promise<Loaded> {
    await this.look();
    return this.#of(project);
  }

  /** Looks for what changed; resolves when everything that was committed before the call is answered. */
  async look(): Promise<void> {
    const wanted = ++this.#asked;
    while (!this.#stopped && this.#done < wanted) {
      this.#round ??= this.#pullOnce();
      await this.#round;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#off();
    this.#callOff();
    await this.#round;
  }

  #wait(): void {
    this.#callOff = this.#o.clock.after(POLL_MS, () => {
      void this.look();
      if (!this.#stopped) this.#wait();
    });
  }

  async #pullOnce(): Promise<void> {
    const covers = this.#asked;
    try {
      await this.#pull();
    } catch (error) {
      this.#o.log.debug({ err: error }, "flags could not be looked at; those that are known hold");
    }
    this.#done = covers;
    this.#round = null;
  }

  async #pull(): Promise<void> {
    if (this.#loaded.size === 0) return;
    const now = await flagGenerations(this.#o.database.db);
    for (const [project, loading] of [...this.#loaded]) {
      const generation = now.get(project) ?? 0;
      const known = await loading.catch(() => null);
      if (known?.generation === generation) continue;
      // Until the new ones are there the old ones are answered.
      const loaded = await this.#load(project, generation);
      this.#loaded.set(project, Promise.resolve(loaded));
      for (const listener of this.#listeners) listener(project);
    }
  }

  #of(project: string): Promise<Loaded> {
    const known = this.#loaded.get(project);
    if (known) return known;
    const loading = flagGenerations(this.#o.database.db).then((now) => this.#load(project, now.get(project) ?? 0));
    this.#loaded.set(project, loading);
    // A failure is not kept: the next who asks tries again.
    loading.catch(() => this.#loaded.delete(project));
    return loading;
  }

  /** The generation is read before the flags: one that changes meanwhile is only loaded once more. */
  async #load(project: string, generation: number): Promise<Loaded> {
    const { db } = this.#o.database;
    const [rows, segments] = [await liveFlags(db, project), await listSegments(db, project)];
    const [switches, rollouts] = [await switchesOf(db, project, null), await rolloutsOf(db, project, null)];
    const set = byFlag(switches);
    const flags = rows.map((row) => flagOf(row, set.get(row.key)));
    return {
      generation,
      flags,
      byKey: new Map(flags.map((flag) => [flag.key, flag])),
      segments: segments.map(segmentOf),
      rollouts: rollouts.map(rolloutOf),
      compiled: new Map(),
      live: new Map(),
      sources: new Map(),
    };
  }
}

/** Thousands of flags are not looked through for each of thousands. */
function byFlag<T extends { readonly flag: string }>(rows: readonly T[]): ReadonlyMap<string, T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const known = found.get(row.flag);
    if (known) known.push(row);
    else found.set(row.flag, [row]);
  }
  return found;
}

function sourceIn(loaded: Loaded, environment: string): FlagSource {
  const known = loaded.sources.get(environment);
  if (known) return known;
  const moved = byFlag(loaded.rollouts);
  const made = {
    flags: loaded.flags.map((flag) => withRollouts(flag, environment, moved.get(flag.key) ?? [])),
    segments: loaded.segments,
    environment,
  };
  loaded.sources.set(environment, made);
  return made;
}
