import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandTarget } from "@latchkey/api/target-command";
import { type AskedOfScript, type CallFailure, callScript } from "@latchkey/config/target-command/call";
import { killGroup } from "@latchkey/config/target-command/script";
import type { HostCall } from "@latchkey/core/delivery/ports";
import type { Result } from "@latchkey/core/shared/result";
import type { z } from "zod";
import { type ProcessIdentity, startTimeOf } from "../local/process-table.ts";

interface Asked extends AskedOfScript {
  /** What is called at the same time as another of its name. */
  readonly key: string;
}

/** Calls a script as the only one at work on its thing: one that outlived its server is ended before. */
export async function callOnce<T>(
  folder: string,
  config: CommandTarget,
  { key, ...asked }: Asked,
  shape: z.ZodType<T>,
  call: HostCall,
): Promise<Result<T, CallFailure>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pidFile = join(folder, `${asked.name}-${key}.pid`);
  endSurvivor(pidFile);
  const began = (pid: number) => note(pidFile, pid);
  try {
    return await callScript(config, asked, shape, { ...call, folder, variables: process.env, began });
  } finally {
    rmSync(pidFile, { force: true });
  }
}

function note(pidFile: string, pid: number): void {
  const started = startTimeOf(pid);
  if (started !== null)
    writeFileSync(pidFile, JSON.stringify({ pid, started } satisfies ProcessIdentity), { mode: 0o600 });
}

/** Two calls of one script must not be at work on the same thing: the older one has nobody left to answer to. */
function endSurvivor(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  try {
    const { pid, started } = JSON.parse(readFileSync(pidFile, "utf8")) as ProcessIdentity;
    if (Number.isInteger(pid) && pid > 1 && startTimeOf(pid) === started) killGroup(pid);
  } catch {
    // It was not written whole: nothing can be known of it.
  }
  rmSync(pidFile, { force: true });
}
