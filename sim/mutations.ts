import type { RoutingTable } from "@latchkey/api/gateway";
import { TableHolder } from "../apps/gateway/src/table.ts";

/** What can be taken out of the product, to see that the world notices. */
export const MUTATIONS = {
  fence: "the gateway takes any table, also an older one",
  "lease-expiry": "a lease never expires",
  "idempotency-key": "what is asked again is done again",
  "row-lock": "a rollout's row is not locked while it is decided on",
  ancestry: "what waits goes out together whatever its history",
  phase: "whoever worked on a phase writes its end, overtaken or not",
} as const;
export type Mutation = keyof typeof MUTATIONS;

export class Mutations {
  readonly #without: ReadonlySet<Mutation>;
  #keys = 0;

  constructor(without: readonly Mutation[]) {
    this.#without = new Set(without);
  }

  has(mutation: Mutation): boolean {
    return this.#without.has(mutation);
  }

  tableHolder(): Pick<TableHolder, "apply" | "current" | "generation"> {
    return this.has("fence") ? new UnfencedHolder() : new TableHolder();
  }

  keyOf(key: string): string {
    if (!this.has("idempotency-key")) return key;
    this.#keys += 1;
    return `${key}-${this.#keys}`;
  }

  /** The operation as the mutated product has it. */
  arguments(name: string, args: readonly unknown[]): readonly unknown[] {
    return args.map((arg, i) => (name === "claim" && i === 2 && this.has("lease-expiry") ? 1e12 : arg));
  }

  name(name: string): string {
    if (name === "lockRollout" && this.has("row-lock")) return "findRollout";
    return name;
  }

  answer(name: string, answer: unknown): unknown {
    if ((name === "lockPhase" || name === "holdsFence") && this.has("phase")) return true;
    return answer;
  }
}

/** A gateway without its fence. */
class UnfencedHolder {
  current: RoutingTable | null = null;
  get generation(): { epoch: number; n: number } {
    return this.current?.generation ?? { epoch: 0, n: 0 };
  }
  apply(table: RoutingTable): "applied" {
    this.current = table;
    return "applied";
  }
}
