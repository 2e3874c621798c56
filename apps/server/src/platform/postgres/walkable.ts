import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PostgresBinaries } from "./binaries.ts";

/**
 * As root, PostgreSQL runs as another user, who must be able to walk to its data and its programs. In a clone below
 * `/root`, or made under `umask 077`, that user is not; then both go to `/var/lib/latchkey`, because opening somebody's
 * home to others to start a database would be the greater surprise.
 */
const SHARED = "/var/lib/latchkey";

/** The first folder on the way to `path` (itself excluded) that others may not enter, or null. */
export function closedFolder(path: string): string | null {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return at;
    if (at === dirname(at)) return null;
  }
}

/** The folder for PostgreSQL's data of an installation: where it is already, else one that its user can reach. */
export function dataHome(dir: string, asRoot: boolean): string {
  const usual = join(dir, "postgres");
  if (!asRoot || existsSync(join(usual, "data", "PG_VERSION")) || closedFolder(dir) === null) return usual;
  const name = `${basename(dirname(dir)).replace(/[^a-zA-Z0-9.-]/g, "_")}-${createHash("sha256").update(dir).digest("hex").slice(0, 12)}`;
  return join(SHARED, name);
}

/** Programs that others may run: those given, or a copy of them. */
export function reachable(binaries: PostgresBinaries, asRoot: boolean): PostgresBinaries {
  const program = join(binaries.bin, "postgres");
  const open = closedFolder(program) === null && (statSync(program).mode & 0o005) === 0o005;
  if (!asRoot || open) return binaries;
  const native = dirname(binaries.bin);
  const { mtimeMs, size } = statSync(program);
  const home = join(SHARED, `binaries-${size}-${Math.round(mtimeMs)}`);
  if (!existsSync(home)) {
    const draft = `${home}.${process.pid}`;
    makeShared();
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    openAll(draft);
    // Another start may have been quicker; its copy is as good.
    if (existsSync(home)) rmSync(draft, { recursive: true });
    else renameSync(draft, home);
  }
  return { bin: join(home, "bin"), lib: join(home, "lib") };
}

export function makeShared(): void {
  mkdirSync(SHARED, { recursive: true });
  chmodSync(SHARED, 0o755);
}

function openAll(dir: string): void {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) openAll(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode | 0o555);
  }
}
