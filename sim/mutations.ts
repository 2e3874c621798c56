import type { RoutingTable } from "@latchkey/api/gateway";
import { GUARDS } from "@latchkey/core/analysis/guards";
import { USER_GUARDS } from "@latchkey/core/analysis/user-guards";
import { TableHolder } from "../apps/gateway/src/table.ts";

/** What can be taken out of the product, to see that the world notices. */
export const MUTATIONS = {
  fence: "the gateway takes any table, also an older one",
  "lease-expiry": "a lease never expires",
  "idempotency-key": "what is asked again is done again",
  "row-lock": "a rollout's row is not locked while it is decided on",
  ancestry: "what waits goes out together whatever its history",
  "loop-watch": "nobody sees that a loop hangs",
  "dead-man": "nobody asks how long nobody has watched",
  phase: "whoever worked on a phase writes its end, overtaken or not",
  "guard-share_mismatch": "nobody sees that a gateway routes another share",
  "guard-no_traffic": "nobody sees that there are no requests",
  "guard-source_down": "nobody sees that no gateway reports",
  "guard-baseline_sick": "nobody sees that the current release fails",
  "guard-shared_incident": "nobody sees that both releases fail",
  "guard-clock_skew": "nobody sees that a clock is off",
  "guard-memory": "nobody sees that memory grows",
  "guard-restarts": "nobody sees that a process dies",
  "guard-metric_source": "nobody sees that the metric source is down",
  "guard-metric_data": "nobody sees that a metric has no data",
  "guard-metric_limit": "nobody sees that a metric is beyond its bound",
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

  /** Takes guards out of the judge, for as long as a world runs; answers how they come back. */
  silenceGuards(): () => void {
    const undo: (() => void)[] = [];
    for (const guards of [GUARDS, USER_GUARDS] as Record<string, unknown>[])
      for (const [name, guard] of Object.entries(guards)) {
        if (!this.#without.has(`guard-${name}` as Mutation)) continue;
        guards[name] = () => ({ guard: name, state: "quiet", words: "It is taken out." });
        undo.push(() => {
          guards[name] = guard;
        });
      }
    return () => {
      for (const fn of undo) fn();
    };
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
    if (name === "vacantBefore" && this.has("dead-man")) return 0;
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
