import type { Builder, BuildSpec, Built, CommandResult, CommitInfo } from "@latchkey/core/delivery/ports";
import type { ArtifactStore } from "../artifacts/directory.ts";
import { baseEnvironment, runCommand } from "./command.ts";
import { commitsBetween, isAncestor, sourceState } from "./git.ts";

/** Builds on this machine: the service's own commands, in its folder, with their output taken into the artifact store. */
export class LocalBuilder implements Builder {
  readonly #artifacts: ArtifactStore;
  readonly #stopping = new AbortController();

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  freeBytes(): Promise<number> {
    return this.#artifacts.freeBytes();
  }

  async build(spec: BuildSpec): Promise<Built> {
    const workspace = await this.#artifacts.workspace(spec.deploymentId);
    const source = await sourceState(spec.folder);
    const { outcome, exitCode, output } = await runCommand(spec.command, {
      cwd: spec.folder,
      timeoutMs: spec.timeoutMs,
      signal: this.#stopping.signal,
      env: {
        ...baseEnvironment(),
        LATCHKEY_ARTIFACT: workspace,
        ...(spec.fault ? { LATCHKEY_FAULT: spec.fault, LATCHKEY_REHEARSAL: spec.deploymentId } : {}),
      },
    });
    if (outcome === "passed" && !this.#stopping.signal.aborted)
      return { outcome, output, source, manifest: await this.#artifacts.take(workspace) };
    await this.#artifacts.drop(workspace);
    return { outcome: outcome === "passed" ? "failed" : outcome, exitCode, output };
  }

  gate(spec: Omit<BuildSpec, "fault" | "deploymentId">): Promise<CommandResult> {
    return runCommand(spec.command, {
      cwd: spec.folder,
      timeoutMs: spec.timeoutMs,
      signal: this.#stopping.signal,
      env: { ...baseEnvironment(), CI: "true", NO_COLOR: "1" },
    });
  }

  changesBetween(folder: string, from: string | null, to: string | null): Promise<readonly CommitInfo[]> {
    return commitsBetween(folder, from, to);
  }

  contains(folder: string, newer: string, older: string): Promise<boolean> {
    return isAncestor(folder, older, newer);
  }

  abort(): void {
    this.#stopping.abort();
  }
}
