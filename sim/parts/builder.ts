import type { Builder, BuildSpec, Built, CommandResult, CommitInfo } from "@latchkey/core/delivery/ports";
import type { Clock } from "../../apps/server/src/platform/clock.ts";
import type { World } from "../world.ts";

/** Builds of the simulated world: they take time, some fail, and what they make is known to the world's truth. */
export class SimBuilder implements Builder {
  readonly #world: World;
  readonly #clock: Clock;

  constructor(world: World, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
  }

  async freeBytes(): Promise<number> {
    return 1e12;
  }

  async build(spec: BuildSpec): Promise<Built> {
    const { chance } = this.#world;
    await this.#wait(chance.between(200, 3_000));
    if (chance.isTrue(0.05)) return { outcome: "failed", exitCode: 1, output: "it does not compile" };
    const digest = this.#world.truth.build(spec);
    const source = { commit: digest, branch: "main", message: "", author: "", dirty: false };
    return { outcome: "passed", output: "", source, manifest: { digest, files: [], sizeBytes: 1 } };
  }

  async gate(): Promise<CommandResult> {
    await this.#wait(this.#world.chance.between(100, 2_000));
    const failed = this.#world.chance.isTrue(0.05);
    return { outcome: failed ? "failed" : "passed", exitCode: failed ? 1 : 0, output: "" };
  }

  async changesBetween(): Promise<readonly CommitInfo[]> {
    return [];
  }

  async contains(_folder: string, newer: string, older: string): Promise<boolean> {
    return this.#world.mutations.has("ancestry") || this.#world.truth.contains(newer, older);
  }

  abort(): void {}

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}
