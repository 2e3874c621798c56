import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTimeOf } from "./adapters/local/process-table.ts";
import { createKeyFile } from "./key-files.ts";

/** One server per `.latchkey/`: a file with pid and start time. A dead owner's lock is taken over. Throws a sentence otherwise. */
export function lockDirectory(dir: string): () => void {
  const file = join(dir, "server.lock");
  const own = JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid) });
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, own, { flag: "wx", mode: 0o600 });
      return () => {
        if (readQuietly(file) === own) rmSync(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = parse(readQuietly(file));
    if (owner && startTimeOf(owner.pid) === owner.started) {
      throw new Error(
        `Another Latchkey server (process ${owner.pid}) uses ${dir}. Stop it first, or set LATCHKEY_DIR to another folder.`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new Error(`The lock ${file} changes hands all the time. Is another Latchkey starting?`);
}

/** The name of this installation's folder, drawn once: who owns leases. */
export function installationId(dir: string): string {
  const file = join(dir, "server.id");
  if (!existsSync(file)) writeFileSync(file, `srv_${randomUUID()}\n`, { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
}

/** The name of a folder that servers share, drawn by the first of them: whoever sees another name sees another folder. */
export function folderName(dir: string): string {
  const file = join(dir, "folder.id");
  if (!existsSync(file)) createKeyFile(file, `dir_${randomUUID()}\n`);
  return readFileSync(file, "utf8").trim();
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
function parse(text: string): { pid: number; started: string } | null {
  try {
    const { pid, started } = JSON.parse(text) as { pid?: unknown; started?: unknown };
    return typeof pid === "number" && typeof started === "string" ? { pid, started } : null;
  } catch {
    return null;
  }
}
