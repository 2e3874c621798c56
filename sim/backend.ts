import type { Run } from "../apps/server/src/platform/database.ts";
import { answerInMemory } from "./store/memory.ts";
import { type Session, type Snapshot, sqlError, Tables } from "./store/tables.ts";

/** What holds the world's data: the memory store, or a real PostgreSQL. */
export interface Connection {
  run(name: string, args: readonly unknown[], run: Run): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** The connection is cut. */
  kill(): void;
}
export interface Backend {
  begin(): Promise<Connection>;
  /** One operation in a transaction of its own. */
  alone(name: string, args: readonly unknown[], run: Run): Promise<unknown>;
  /** The same for the world itself: it waits for nobody. */
  peek(name: string, args: readonly unknown[], run: Run): Promise<unknown>;
  /** Work outside of the world's time that it has to wait for. */
  readonly pending: number;
  /** The database restarts. */
  restart(): void;
  backup(): Promise<unknown>;
  restore(backup: unknown): Promise<void>;
  close(): Promise<void>;
}

class MemoryConnection implements Connection {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }
  async run(name: string, args: readonly unknown[]): Promise<unknown> {
    if (!this.#session.isOpen) throw sqlError("08006", "the connection is gone");
    return answerInMemory(this.#session, name, args);
  }
  async commit(): Promise<void> {
    this.#session.commit();
  }
  async rollback(): Promise<void> {
    this.#session.rollback();
  }
  kill(): void {
    this.#session.kill();
  }
}

export function memoryBackend(nowMs: () => number): Backend {
  const tables = new Tables(nowMs);
  const alone = async (name: string, args: readonly unknown[]) => {
    const session = tables.begin();
    try {
      const answer = await answerInMemory(session, name, args);
      session.commit();
      return answer;
    } finally {
      session.rollback();
    }
  };
  return {
    pending: 0,
    begin: async () => new MemoryConnection(tables.begin()),
    alone,
    peek: alone,
    restart: () => tables.endAll(),
    backup: async () => tables.backup(),
    restore: async (backup) => tables.restore(backup as Snapshot),
    close: async () => {},
  };
}
