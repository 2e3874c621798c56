import { compileFlags, type Evaluated, type FlagSet } from "@latchkey/core/flags/compile";
import type { EvaluationContext, Flag } from "@latchkey/core/flags/model";
import { neededFlags } from "@latchkey/core/flags/needed";
import type { FlagSnapshot } from "@latchkey/core/flags/snapshot";

/** The flags of a snapshot, each compiled when it is asked for first: of 1,000 flags a cold start mostly needs a few. */
export class LazySet {
  readonly #snapshot: FlagSnapshot;
  readonly #flags: ReadonlyMap<string, Flag>;
  readonly #sets = new Map<string, FlagSet>();

  constructor(snapshot: FlagSnapshot) {
    this.#snapshot = snapshot;
    this.#flags = new Map(snapshot.flags.map((flag) => [flag.key, flag]));
  }

  get(key: string): Flag | undefined {
    return this.#flags.get(key);
  }

  evaluate(key: string, context: EvaluationContext, nowMs: number): Evaluated {
    return (this.#sets.get(key) ?? this.#compile(key)).evaluate(key, context, nowMs);
  }

  #compile(key: string): FlagSet {
    const { segments, environment } = this.#snapshot;
    const flags = neededFlags((one) => this.#flags.get(one), key, environment);
    const made = compileFlags({ flags, segments, environment });
    // A name of which there is no flag is not kept: there may be any number of them.
    if (this.#flags.has(key)) this.#sets.set(key, made);
    return made;
  }
}
