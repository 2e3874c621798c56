import type { BuildSpec } from "@latchkey/core/delivery/ports";
import type { Chance } from "./chance.ts";

/** What a release really is. Nothing of the product sees it. */
export interface TrueRelease {
  readonly digest: string;
  readonly isHarmful: boolean;
  readonly errorRatio: number;
  readonly startMs: number;
  readonly diesAtStart: boolean;
}

/** Now and then a build is of another branch, which contains nothing that was built before. */
const BRANCHES = 0.1;

export class Truth {
  readonly #chance: Chance;
  /** Of what is built without a fault. */
  readonly #harmShare: number;
  readonly #releases = new Map<string, TrueRelease>();
  /** A build that a crash has repeated makes the same again. */
  readonly #byDeployment = new Map<string, string>();
  #last: string | null = null;
  /** Builds of one tree, one after the other: each commit has those before in its history. */
  readonly #trunk: string[] = [];

  constructor(chance: Chance, harmShare: number) {
    this.#chance = chance;
    this.#harmShare = harmShare;
  }

  build(spec: BuildSpec): string {
    const again = this.#byDeployment.get(spec.deploymentId);
    if (again) return again;
    const isSame = this.#last !== null && spec.fault === null && this.#chance.isTrue(0.1);
    const digest = isSame && this.#last ? this.#last : `d${this.#releases.size + 1}`;
    this.#byDeployment.set(spec.deploymentId, digest);
    if (isSame) return digest;
    // Harm that nobody meant, too: only the judge finds it.
    const isHarmful = spec.fault !== null || (this.#harmShare > 0 && this.#chance.isTrue(this.#harmShare));
    if (this.#harmShare === 0 || !this.#chance.isTrue(BRANCHES)) this.#trunk.push(digest);
    this.#releases.set(digest, {
      digest,
      isHarmful,
      errorRatio: isHarmful ? this.#chance.between(0.3, 0.7) : 0,
      startMs: this.#chance.between(50, 2_000),
      diesAtStart: this.#chance.isTrue(0.04),
    });
    if (!isHarmful) this.#last = digest;
    return digest;
  }

  /** Whether a commit is another one or has it in its history. */
  contains(newer: string, older: string): boolean {
    const at = this.#trunk.indexOf(older);
    return newer === older || (at >= 0 && this.#trunk.indexOf(newer) >= at);
  }

  of(digest: string): TrueRelease {
    const release = this.#releases.get(digest);
    if (!release) throw new Error(`nobody built ${digest}`);
    return release;
  }
}
