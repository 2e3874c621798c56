/**
 * A database in memory with what the controllers rely on PostgreSQL for: transactions that are whole or not at all,
 * READ COMMITTED, row locks that are waited for in turn, deadlocks that are found, sessions that a crash ends. Rows are
 * never changed in place, so a snapshot is a copy of the maps.
 */
type Row = object;
type Table = Map<string, Row>;

interface Waiter {
  readonly session: Session;
  readonly grant: () => void;
  readonly refuse: (error: Error) => void;
}
interface Lock {
  holder: Session;
  readonly waiting: Waiter[];
}

/** An error with a SQLSTATE, as `pg` throws them. */
export function sqlError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** A copy of all rows: a backup. */
export type Snapshot = ReadonlyMap<string, ReadonlyMap<string, Row>>;

export class Tables {
  readonly committed = new Map<string, Table>();
  readonly locks = new Map<string, Lock>();
  readonly #sessions = new Set<Session>();
  readonly #now: () => number;
  #position = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The database's clock. */
  now(): Date {
    return new Date(this.#now());
  }

  /** An identity column: counts up, also for what is undone. */
  nextPosition(): number {
    this.#position += 1;
    return this.#position;
  }

  begin(): Session {
    const session = new Session(this);
    this.#sessions.add(session);
    return session;
  }

  forget(session: Session): void {
    this.#sessions.delete(session);
  }

  /** The database restarts: what was not committed is gone. */
  endAll(): void {
    for (const session of [...this.#sessions]) session.kill();
  }

  backup(): Snapshot {
    return new Map([...this.committed].map(([name, rows]) => [name, new Map(rows)]));
  }

  restore(snapshot: Snapshot): void {
    this.endAll();
    this.committed.clear();
    for (const [name, rows] of snapshot) this.committed.set(name, new Map(rows));
  }

  table(name: string): Table {
    const known = this.committed.get(name);
    if (known) return known;
    const made: Table = new Map();
    this.committed.set(name, made);
    return made;
  }
}

export class Session {
  readonly tables: Tables;
  readonly #writes = new Map<string, Map<string, Row | null>>();
  readonly #held = new Set<string>();
  /** The lock that this session waits for. */
  waitsFor: string | null = null;
  #state: "open" | "over" = "open";

  constructor(tables: Tables) {
    this.tables = tables;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Its own write, else what is committed now. */
  get<T extends Row>(table: string, key: string): T | null {
    const own = this.#writes.get(table)?.get(key);
    if (own !== undefined) return own as T | null;
    return (this.tables.table(table).get(key) as T | undefined) ?? null;
  }

  set(table: string, key: string, row: Row | null): void {
    const writes = this.#writes.get(table) ?? new Map<string, Row | null>();
    writes.set(key, row);
    this.#writes.set(table, writes);
  }

  /** Every row that this session sees. */
  all<T extends Row>(table: string): T[] {
    const writes = this.#writes.get(table);
    const rows = this.tables.table(table);
    if (!writes || writes.size === 0) return [...rows.values()] as T[];
    const seen: T[] = [];
    for (const [key, row] of rows) if (!writes.has(key)) seen.push(row as T);
    for (const row of writes.values()) if (row !== null) seen.push(row as T);
    return seen;
  }

  /** Takes a row's lock until the session ends; waits for whoever has it. A circle of waiting is refused (40P01). */
  async lock(table: string, key: string): Promise<void> {
    const name = `${table}/${key}`;
    const lock = this.tables.locks.get(name);
    if (!lock) {
      this.tables.locks.set(name, { holder: this, waiting: [] });
      this.#held.add(name);
      return;
    }
    if (lock.holder === this) return;
    if (this.#wouldCircle(lock.holder)) throw sqlError("40P01", "deadlock detected");
    await new Promise<void>((resolve, reject) => {
      this.waitsFor = name;
      lock.waiting.push({ session: this, grant: resolve, refuse: reject });
    });
  }

  #wouldCircle(holder: Session): boolean {
    for (let at: Session | undefined = holder; at; ) {
      if (at === this) return true;
      at = at.waitsFor === null ? undefined : this.tables.locks.get(at.waitsFor)?.holder;
    }
    return false;
  }

  commit(): void {
    if (!this.isOpen) throw sqlError("08006", "the connection is gone");
    for (const [name, writes] of this.#writes) {
      const table = this.tables.table(name);
      for (const [key, row] of writes) {
        if (row === null) table.delete(key);
        else table.set(key, row);
      }
    }
    this.#end();
  }

  rollback(): void {
    if (this.isOpen) this.#end();
  }

  /** The connection is cut: nothing of it happens, and what waits for it goes on. */
  kill(): void {
    if (!this.isOpen) return;
    if (this.waitsFor !== null) {
      const waiting = this.tables.locks.get(this.waitsFor)?.waiting ?? [];
      const at = waiting.findIndex((w) => w.session === this);
      const [own] = at < 0 ? [] : waiting.splice(at, 1);
      own?.refuse(sqlError("57P01", "terminating connection"));
    }
    this.#end();
  }

  #end(): void {
    this.#state = "over";
    this.#writes.clear();
    this.tables.forget(this);
    for (const name of this.#held) {
      const lock = this.tables.locks.get(name);
      const next = lock?.waiting.shift();
      if (!lock || !next) {
        this.tables.locks.delete(name);
        continue;
      }
      lock.holder = next.session;
      next.session.waitsFor = null;
      next.session.#held.add(name);
      next.grant();
    }
    this.#held.clear();
  }
}
