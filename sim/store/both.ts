import type { Run } from "../../apps/server/src/platform/database.ts";
import type { Backend, Connection } from "../backend.ts";

/**
 * The contract of the memory store: whatever a world asks, both stores answer, and must answer the same. What counts is
 * what PostgreSQL says; a difference is a fault of the memory store.
 */
export interface Difference {
  readonly operation: string;
  /** Where in the answer, and what both say there. */
  readonly words: string;
}
type Outcome = { readonly value: unknown } | { readonly error: unknown };

const outcomeOf = (work: () => Promise<unknown>): Promise<Outcome> =>
  work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** Of errors only the SQLSTATE or the problem's code is the contract, the words are not. */
function comparable(outcome: Outcome): unknown {
  if ("value" in outcome) return outcome.value;
  const { code } = outcome.error as { code?: unknown };
  return { error: code ?? "an error without a code" };
}

const plain = (value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString("hex");
  // Neither has an order that anybody may rely on.
  if (value instanceof Map) return [...value].sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  return value instanceof Set ? [...value].sort() : value;
};

/** The first place where the answers differ. A row in memory may hold columns that a query does not ask for. */
function firstDifference(memory: unknown, postgres: unknown, at: string): string | null {
  const [a, b] = [plain(memory), plain(postgres)];
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    const same = Object.is(a, b) || (a === undefined && b === undefined);
    return same ? null : `${at} is ${JSON.stringify(b)} on PostgreSQL and ${JSON.stringify(a)} in memory`;
  }
  if (Array.isArray(a) !== Array.isArray(b)) return `${at} is a list in one only`;
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length)
    return `${at} has ${b.length} items on PostgreSQL and ${a.length} in memory`;
  for (const key of Object.keys(b)) {
    const found = firstDifference(Reflect.get(a, key), Reflect.get(b, key), `${at}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

export class BothBackends implements Backend {
  readonly #memory: Backend;
  readonly #postgres: Backend;
  readonly differences: Difference[] = [];
  readonly asked = new Set<string>();

  constructor(memory: Backend, postgres: Backend) {
    this.#memory = memory;
    this.#postgres = postgres;
  }

  get pending(): number {
    return this.#postgres.pending;
  }

  async #compare(
    operation: string,
    postgres: () => Promise<unknown>,
    memory: () => Promise<unknown>,
  ): Promise<unknown> {
    const theirs = await outcomeOf(postgres);
    const ours = await outcomeOf(memory);
    this.asked.add(operation);
    const words = firstDifference(comparable(ours), comparable(theirs), "the answer");
    if (words !== null) this.differences.push({ operation, words });
    if ("error" in theirs) throw theirs.error;
    return theirs.value;
  }

  async begin(): Promise<Connection> {
    const postgres = await this.#postgres.begin();
    const memory = await this.#memory.begin();
    const both = (how: "commit" | "rollback") => async () => {
      await postgres[how]();
      await memory[how]();
    };
    return {
      run: (name, args, run) =>
        this.#compare(
          name,
          () => postgres.run(name, args, run),
          () => memory.run(name, args, run),
        ),
      commit: both("commit"),
      rollback: both("rollback"),
      kill: () => {
        memory.kill();
        postgres.kill();
      },
    };
  }

  alone(name: string, args: readonly unknown[], run: Run): Promise<unknown> {
    return this.#compare(
      name,
      () => this.#postgres.alone(name, args, run),
      () => this.#memory.alone(name, args, run),
    );
  }
  peek(name: string, args: readonly unknown[], run: Run): Promise<unknown> {
    return this.#compare(
      name,
      () => this.#postgres.peek(name, args, run),
      () => this.#memory.peek(name, args, run),
    );
  }
  restart(): void {
    this.#memory.restart();
    this.#postgres.restart();
  }
  backup(): Promise<unknown> {
    return this.#postgres.backup();
  }
  restore(backup: unknown): Promise<void> {
    return this.#postgres.restore(backup);
  }
  async close(): Promise<void> {
    await this.#memory.close();
    await this.#postgres.close();
  }
}
