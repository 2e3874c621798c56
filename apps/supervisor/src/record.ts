import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who supervises a folder, and which processes it started: so that a next start can tell, and clean up. */
interface Identity {
  readonly name: string;
  readonly pid: number;
  readonly started: string | null;
}
const END_GRACE_MS = 12_000;
const lockOf = (dir: string): string => join(dir, "supervisor.lock");
const recordOf = (dir: string): string => join(dir, "supervisor.json");

/** Start times count from the boot: with the boot's own id, a process of before a reboot is never taken for one of now. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown boot";
  }
}

/** When a living process started (field 22 of /proc/<pid>/stat, and the boot); null when it is gone. */
export function startedAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : `${fields[19]} ${bootId()}`;
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

function isIdentity(value: unknown): value is Identity {
  const who = value as Partial<Identity> | null;
  return typeof who === "object" && who !== null && Number.isInteger(who.pid) && Number(who.pid) > 1;
}

function read(file: string): Identity[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    return (Array.isArray(found) ? found : [found]).filter(isIdentity);
  } catch {
    return [];
  }
}

const self = (): Identity => ({ name: "supervisor", pid: process.pid, started: startedAt(process.pid) });

/**
 * Takes a folder for this process: null, or the pid of the living one that has it. The lock appears whole (a link is
 * all or nothing), so that of two starts at the same moment one wins; a dead owner's lock is taken over.
 */
export function takeFolder(dir: string): number | null {
  const draft = `${lockOf(dir)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(self()), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, lockOf(dir));
        return null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const [owner] = read(lockOf(dir));
      if (owner && lives(owner)) return owner.pid;
      rmSync(lockOf(dir), { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

export function leaveFolder(dir: string): void {
  const [owner] = read(lockOf(dir));
  if (owner?.pid !== process.pid) return;
  rmSync(recordOf(dir), { force: true });
  rmSync(lockOf(dir), { force: true });
}

/** Ends what a supervisor that died left running, by pid and start time; nothing else is touched. */
export async function endOrphans(dir: string): Promise<number> {
  const orphans = read(recordOf(dir)).filter((who) => who.name !== "supervisor" && lives(who));
  const signal = (who: Identity, name: NodeJS.Signals) => {
    try {
      process.kill(who.pid, name);
    } catch {
      // It ended in between.
    }
  };
  for (const who of orphans) signal(who, "SIGTERM");
  const deadline = performance.now() + END_GRACE_MS;
  while (orphans.some(lives)) {
    if (performance.now() > deadline) for (const who of orphans.filter(lives)) signal(who, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return orphans.length;
}

/** Notes what runs. A disk that is full costs the note, not the processes. */
export function writeRecord(dir: string, children: readonly { name: string; pid: number | null }[]): void {
  const all: Identity[] = [
    self(),
    ...children.flatMap((c) => (c.pid === null ? [] : [{ name: c.name, pid: c.pid, started: startedAt(c.pid) }])),
  ];
  try {
    writeFileSync(`${recordOf(dir)}.draft`, JSON.stringify(all), { mode: 0o600 });
    renameSync(`${recordOf(dir)}.draft`, recordOf(dir));
  } catch {
    // The next change tries again.
  }
}
