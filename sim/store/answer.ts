import type { Executor } from "../../apps/server/src/platform/database.ts";
import type { Session } from "./tables.ts";

/** What a store's operation is in memory: the same arguments, a session for the executor. */
type InMemory<F> = F extends (db: Executor, ...args: infer A) => Promise<infer R>
  ? (session: Session, ...args: A) => R | Promise<R>
  : never;

/** Answers for operations of a store's module, by their names. The stores' contract suite runs on both. */
export type AnswersOf<Module> = {
  [K in keyof Module as Module[K] extends (db: Executor, ...args: never[]) => Promise<unknown> ? K : never]?: InMemory<
    Module[K]
  >;
};
