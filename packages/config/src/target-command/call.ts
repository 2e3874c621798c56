import type { CommandTarget } from "@latchkey/api/target-command";
import type { HostCall, StartFailure } from "@latchkey/core/delivery/ports";
import { err, type Result } from "@latchkey/core/shared/result";
import type { z } from "zod";
import { CONTRACT_VERSION, EXIT_OLDER, readAnswer } from "./contract.ts";
import { runScript } from "./script.ts";

export type CallName = "prepare" | "route" | "counts" | "retire";
export interface AskedOfScript {
  readonly name: CallName;
  readonly service: string;
  readonly environment: string;
  readonly more: object;
}
/** Who calls: the server, or somebody who checks a script. */
export interface ScriptCaller extends HostCall {
  /** Where the script runs; it must be there. */
  readonly folder: string;
  /** Where the variables that a script gets are taken from. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly began?: (pid: number) => void;
}
export interface CallFailure extends StartFailure {
  readonly isOlder: boolean;
}
/** What a script gets besides the variables that its target names: where programs are, and nothing of ours. */
export const PLAIN_VARIABLES: readonly string[] = ["PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "USER"];

/** One call of one of a target's scripts. */
export async function callScript<T>(
  config: CommandTarget,
  asked: AskedOfScript,
  shape: z.ZodType<T>,
  caller: ScriptCaller,
): Promise<Result<T, CallFailure>> {
  const words = config[asked.name];
  if (!words) return err({ words: `The target has no script for ${asked.name}.`, logTail: "", isOlder: false });
  const { service, environment } = asked;
  const masked = maskOf(config.environmentVariables, caller.variables);
  const end = await runScript({
    words,
    folder: caller.folder,
    environment: environmentOf(config, asked, caller.variables),
    input: { version: CONTRACT_VERSION, call: asked.name, service, environment, ...asked.more },
    timeoutMs: config[`${asked.name}TimeoutMs`],
    signal: caller.signal,
    say: (line) => caller.say(masked(line)),
    ...(caller.began ? { began: caller.began } : {}),
  });
  const failed = (text: string, logTail = "", isOlder = false) =>
    err({ words: masked(text), logTail: masked(logTail), isOlder });
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

/** A shorter one is a name, such as "main", and would blank what people need to read. */
const SECRET_MIN = 8;
/** By its name, or because it looks drawn by chance, as tokens and keys do; or an address with a password in it. */
const isSecret = (name: string, value: string): boolean =>
  value.length >= SECRET_MIN &&
  (/TOKEN|SECRET|PASS|KEY|CRED|AUTH|PRIVATE|DSN/.test(name) ||
    /^(?=.*\d)(?=.*[a-zA-Z])[\w+/=-]{24,}$/.test(value) ||
    /:\/\/[^/\s]*:[^/\s]*@/.test(value));

/**
 * Blanks the secrets among the variables that a script was given, wherever it says them. What a script makes of one, such as its
 * base64, is not known here.
 */
function maskOf(
  names: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): (text: string) => string {
  const secrets = names
    .flatMap((name) => (isSecret(name, variables[name] ?? "") ? [variables[name] ?? ""] : []))
    // One that holds another goes first.
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

const lastLine = (tail: string): string => tail.trim().split("\n").at(-1)?.slice(0, 300) ?? "";

function environmentOf(
  config: CommandTarget,
  asked: AskedOfScript,
  variables: ScriptCaller["variables"],
): Record<string, string> {
  const handedOn = [...PLAIN_VARIABLES, ...config.environmentVariables].flatMap((name) => {
    const value = variables[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(handedOn),
    LATCHKEY_CALL: asked.name,
    LATCHKEY_CONTRACT: String(CONTRACT_VERSION),
    LATCHKEY_SERVICE: asked.service,
    LATCHKEY_ENVIRONMENT: asked.environment,
  };
}
