import type { Run, Running, RunSpec, StartFailure, Target } from "@latchkey/core/delivery/ports";
import type { Result } from "@latchkey/core/shared/result";

/** Kinds whose releases are processes beside the server. */
const PROCESSES: readonly string[] = ["local", "haproxy"];

/**
 * All targets as one. A release runs where its service's configuration says now; one that was started before that
 * changed is found, and ended, where it is.
 */
export class TargetByKind implements Target {
  readonly #processes: Target;
  readonly #hosted: Target;

  constructor(processes: Target, hosted: Target) {
    this.#processes = processes;
    this.#hosted = hosted;
  }

  ensureRunning(spec: RunSpec): Promise<Result<Running, StartFailure>> {
    const target = PROCESSES.includes(spec.target?.kind ?? "local") ? this.#processes : this.#hosted;
    return target.ensureRunning(spec);
  }

  async retire(run: Run): Promise<void> {
    await this.#processes.retire(run);
    await this.#hosted.retire(run);
  }

  async figures(run: Run): Promise<{ restarts: number; residentBytes: number | null }> {
    return this.#processes.figures(run);
  }

  async upstreamOf(run: Run): Promise<string | null> {
    return (await this.#processes.upstreamOf(run)) ?? this.#hosted.upstreamOf(run);
  }

  async runs(): Promise<readonly (Run & { isHere: boolean })[]> {
    return [...(await this.#processes.runs()), ...(await this.#hosted.runs())];
  }

  async tend(): Promise<void> {
    await this.#processes.tend();
    await this.#hosted.tend();
  }
}
