import { join } from "node:path";
import type { CommandTarget } from "@latchkey/api/target-command";
import { Prepared, Retired } from "@latchkey/config/target-command/contract";
import type { HostCall, ReleaseHost, Running, RunSpec, StartFailure } from "@latchkey/core/delivery/ports";
import { ok, type Result } from "@latchkey/core/shared/result";
import type { z } from "zod";
import { callOnce } from "./once.ts";

/** Runs releases by the scripts of a service's target. */
export class CommandHost implements ReleaseHost {
  readonly #dir: string;

  /** `dir`: scripts are run in a folder below it, one for each service and environment. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  async prepare(spec: RunSpec, call: HostCall): Promise<Result<Running, StartFailure>> {
    const prepared = await this.#call("prepare", spec, Prepared, call);
    if (!prepared.ok) return prepared;
    return ok({ upstreams: prepared.value.upstreams, remark: prepared.value.remark ?? null });
  }

  async retire(spec: RunSpec, call: HostCall): Promise<Result<null, StartFailure>> {
    const retired = await this.#call("retire", spec, Retired, call);
    return retired.ok ? ok(null) : retired;
  }

  #call<T>(
    name: "prepare" | "retire",
    spec: RunSpec,
    shape: z.ZodType<T>,
    call: HostCall,
  ): Promise<Result<T, StartFailure>> {
    const { service, environment, releaseId } = spec;
    const more = {
      deployment: spec.deploymentId,
      release: { id: releaseId, name: spec.releaseName, commit: spec.commit ?? null, folder: spec.artifactDir },
      run: spec.command,
      healthPath: spec.healthPath,
    };
    // One of a kind: `hostOf` gives other kinds to other hosts.
    const config = spec.target as CommandTarget;
    const folder = join(this.#dir, `${service}-${environment}`);
    return callOnce(folder, config, { name, key: releaseId, service, environment, more }, shape, call);
  }
}
