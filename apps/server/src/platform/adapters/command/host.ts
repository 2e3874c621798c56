import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CommandTarget } from "@latchkey/api/target-command";
import type { HostCall, ReleaseHost, Running, RunSpec, StartFailure } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { z } from "zod";
import { baseEnvironment } from "../local/command.ts";
import { CONTRACT_VERSION, EXIT_OLDER, Prepared, Retired, readAnswer } from "./contract.ts";
import { runScript } from "./script.ts";

export type CallName = "prepare" | "route" | "counts" | "retire";
interface Asked {
  readonly name: CallName;
  /** What is called at the same time as another of its name. */
  readonly key: string;
  readonly service: string;
  readonly environment: string;
  readonly more: object;
}
export interface CallFailure extends StartFailure {
  readonly isOlder: boolean;
}

/** One call of one of a target's scripts. */
export async function callScript<T>(
  folder: string,
  config: CommandTarget,
  asked: Asked,
  shape: z.ZodType<T>,
  call: HostCall,
): Promise<Result<T, CallFailure>> {
  const words = config[asked.name];
  const failed = (text: string, logTail = "", isOlder = false) => err({ words: text, logTail, isOlder });
  if (!words) return failed(`The target has no script for ${asked.name}.`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { service, environment } = asked;
  const end = await runScript({
    words,
    folder,
    environment: environmentOf(config, asked),
    input: { version: CONTRACT_VERSION, call: asked.name, service, environment, ...asked.more },
    timeoutMs: config[`${asked.name}TimeoutMs`],
    signal: call.signal,
    pidFile: join(folder, `${asked.name}-${asked.key}.pid`),
    say: call.say,
  });
  if (end.stopped !== null) return failed(`${asked.name} (${words.join(" ")}) failed. ${end.stopped}`, end.tail);
  if (end.exitCode === EXIT_OLDER && asked.name === "route")
    return failed(`${asked.name} says that something newer is served. ${lastLine(end.tail)}`, end.tail, true);
  if (end.exitCode !== 0)
    return failed(
      `${asked.name} (${words.join(" ")}) ended with exit code ${end.exitCode}. ${lastLine(end.tail)}`,
      end.tail,
    );
  const answer = readAnswer(asked.name, shape, end.answer);
  return answer.ok ? answer : failed(answer.error, end.tail);
}

const lastLine = (tail: string): string => tail.trim().split("\n").at(-1)?.slice(0, 300) ?? "";

/** Where programs are, what the configuration names, and what is asked: nothing else of this server's. */
function environmentOf(config: CommandTarget, asked: Asked): Record<string, string> {
  const named = config.environmentVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...baseEnvironment(),
    ...Object.fromEntries(named),
    LATCHKEY_CALL: asked.name,
    LATCHKEY_CONTRACT: String(CONTRACT_VERSION),
    LATCHKEY_SERVICE: asked.service,
    LATCHKEY_ENVIRONMENT: asked.environment,
  };
}

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
  ): Promise<Result<T, CallFailure>> {
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
    return callScript(folder, config, { name, key: releaseId, service, environment, more }, shape, call);
  }
}
