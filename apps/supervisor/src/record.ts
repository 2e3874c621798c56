import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who supervises this folder, and which processes it started: so that a next start can tell and clean up. */
interface Identity {
  readonly name: string;
  readonly pid: number;
  readonly started: string | null;
}
const fileOf = (dir: string): string => join(dir, "supervisor.json");

/** Start time of a living process (field 22 of /proc/<pid>/stat); null when it is gone. */
function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    if (process.platform === "linux") return null;
    try {
      process.kill(pid, 0);
      return "unknown";
    } catch {
      return null;
    }
  }
}

const lives = (who: Identity): boolean => who.started !== null && startedAt(who.pid) === who.started;

function read(dir: string): Identity[] {
  if (!existsSync(fileOf(dir))) return [];
  try {
    return JSON.parse(readFileSync(fileOf(dir), "utf8")) as Identity[];
  } catch {
    return [];
  }
}

/** The pid of a supervisor that lives and has this folder, or null. */
export function livingSupervisor(dir: string): number | null {
  const found = read(dir).find((who) => who.name === "supervisor" && lives(who));
  return found?.pid ?? null;
}

/** Ends what a supervisor that died left running, by pid and start time; nothing else is touched. */
export async function endOrphans(dir: string): Promise<number> {
  const orphans = read(dir).filter((who) => who.name !== "supervisor" && lives(who));
  for (const who of orphans) process.kill(who.pid, "SIGTERM");
  const deadline = performance.now() + 12_000;
  while (orphans.some(lives)) {
    if (performance.now() > deadline) for (const who of orphans.filter(lives)) process.kill(who.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return orphans.length;
}

export function writeRecord(dir: string, children: readonly { name: string; pid: number | null }[]): void {
  const all = [
    { name: "supervisor", pid: process.pid },
    ...children.flatMap((c) => (c.pid === null ? [] : [{ name: c.name, pid: c.pid }])),
  ];
  writeFileSync(fileOf(dir), JSON.stringify(all.map((who) => ({ ...who, started: startedAt(who.pid) }))));
}

export function dropRecord(dir: string): void {
  rmSync(fileOf(dir), { force: true });
}
