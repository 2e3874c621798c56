import { randomUUID } from "node:crypto";
import type { EvaluationContext } from "@latchkey/core/flags/model";
import {
  estimateUsers,
  mergeSeen,
  SEEN_MAX,
  SeenSample,
  type SeenUser,
  withoutIdentity,
} from "@latchkey/core/flags/seen";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import { forgetSeen, saveSeen, seenUsers } from "./seen.store.ts";

/** What a preview calls last week. */
const DAYS = 7;
/** A server that is killed forgets the new ones of so long: it is a sample. */
const FLUSH_MS = 10_000;

interface Day {
  readonly project: string;
  readonly environment: string;
  readonly day: string;
  readonly sample: SeenSample;
  unsaved: SeenUser[];
}

/** Samples who asks for flags, without keeping who they are. */
export class SeenUsers {
  readonly #o: { readonly database: Transactions; readonly log: Logger; readonly clock: Clock };
  readonly #days = new Map<string, Day>();
  #callOff = () => {};
  #saving: Promise<void> | null = null;
  #stopped = false;

  constructor(o: { readonly database: Transactions; readonly log: Logger; readonly clock: Clock }) {
    this.#o = o;
    this.#wait();
  }

  /** Somebody asked. Whoever gives no key can't be told from others, and is not counted. */
  note(project: string, environment: string, context: EvaluationContext): void {
    const day = this.#dayOf(project, environment);
    const one = day.sample.note(context, randomUUID);
    if (one) day.unsaved.push(one);
  }

  /** Users whom a program that evaluates by itself has seen; what it left of their identity is taken away here. */
  take(project: string, environment: string, users: readonly SeenUser[]): void {
    const day = this.#dayOf(project, environment);
    for (const { hash, context } of users)
      if (day.sample.add(hash)) day.unsaved.push({ hash, context: withoutIdentity(context, randomUUID()) });
  }

  /** The sample of the last week, and how many users it stands for. */
  async lastWeek(
    project: string,
    environment: string,
  ): Promise<{ readonly users: readonly EvaluationContext[]; readonly estimated: number }> {
    await this.save();
    const sample = mergeSeen(await seenUsers(this.#o.database.db, project, environment, DAYS));
    return { users: sample.map((one) => one.context), estimated: estimateUsers(sample) };
  }

  /** Writes what is new. */
  async save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    await this.save();
  }

  #wait(): void {
    this.#callOff = this.#o.clock.after(FLUSH_MS, () => {
      void this.save().finally(() => {
        if (!this.#stopped) this.#wait();
      });
    });
  }

  #dayOf(project: string, environment: string): Day {
    const day = new Date(this.#o.clock.now()).toISOString().slice(0, 10);
    const key = `${project} ${environment} ${day}`;
    const known = this.#days.get(key);
    if (known) return known;
    const made: Day = { project, environment, day, sample: new SeenSample(), unsaved: [] };
    this.#days.set(key, made);
    return made;
  }

  async #save(): Promise<void> {
    const today = new Date(this.#o.clock.now()).toISOString().slice(0, 10);
    for (const [key, day] of [...this.#days]) {
      const fresh = day.unsaved;
      try {
        if (fresh.length > 0) {
          await this.#o.database.transaction((tx) => saveSeen(tx, day, fresh, SEEN_MAX));
          day.unsaved = day.unsaved.slice(fresh.length);
        }
        if (day.day === today) continue;
        this.#days.delete(key);
        await forgetSeen(this.#o.database.db, DAYS);
      } catch (error) {
        this.#o.log.debug({ err: error }, "the sample of users could not be written; it is tried again");
      }
    }
  }
}
