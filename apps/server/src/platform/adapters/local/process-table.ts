import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

/** Processes of this machine: started detached, found again by pid and start time, ended politely, then not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. A pid with another start time is somebody else. */
  readonly started: string;
}

/** Start time of a living process, or null. Zombies count as dead. Off Linux a living pid answers "unknown". */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name may hold spaces and brackets: fields are counted after the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return fields[19] ?? null;
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

export const isAlive = (identity: ProcessIdentity): boolean => startTimeOf(identity.pid) === identity.started;

/** Resident memory in bytes, or null where the kernel does not say. */
export function residentBytesOf(pid: number): number | null {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

export interface Launch {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Output goes to this file, not into a pipe: a pipe's reader may die before the process does. */
  readonly logFile: string;
  /** Runs as this user and group, where this process is root. */
  readonly runAs?: number;
  /**
   * The process writes its pid there before it becomes the command: so it is found again although whoever started it
   * died before that was noted anywhere, or the note was lost in a restore. One that runs already is taken over.
   */
  readonly pidFile?: string;
}

/** The process that a pid file tells of, with its environment, while it lives; null on other systems than Linux. */
function survivorOf(pidFile: string): { identity: ProcessIdentity; environment: ReadonlySet<string> } | null {
  try {
    const pid = Number(readFileSync(pidFile, "utf8").trim());
    const started = Number.isInteger(pid) && pid > 1 ? startTimeOf(pid) : null;
    if (started === null) return null;
    return {
      identity: { pid, started },
      environment: new Set(readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")),
    };
  } catch {
    return null;
  }
}

/** A process that was started with a pid file and lives. */
export interface Recorded {
  /** Of the file, without its extension. */
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly notedMs: number;
}

/** Nobody wonders any more whether a process of yesterday lives. */
const KEPT_MS = 86_400_000;

/** The living processes that the pid files of a folder tell of; old files of others are removed. */
export function recordedIn(dir: string): Recorded[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).flatMap((file) => {
    const path = join(dir, file);
    const name = file.replace(/\.pid$/, "");
    if (name === file) return [];
    const notedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const survivor = survivorOf(path);
    // By now the pid may be anybody's: a release's process knows that it is one.
    const isRelease = [...(survivor?.environment ?? [])].some((line) => line.startsWith("LATCHKEY_RELEASE="));
    if (survivor === null && Date.now() - notedMs > KEPT_MS) rmSync(path, { force: true });
    return survivor && isRelease ? [{ name, identity: survivor.identity, notedMs }] : [];
  });
}

const OWN = ["LATCHKEY_SERVICE", "LATCHKEY_ENVIRONMENT", "LATCHKEY_RELEASE"] as const;

/** A process of an earlier start of the same: taken over at the same port, ended at another. */
async function takeOver({ pidFile, env }: Launch): Promise<ProcessIdentity | null> {
  const survivor = pidFile === undefined ? null : survivorOf(pidFile);
  // By now the pid may be anybody's.
  if (!survivor || !OWN.every((name) => survivor.environment.has(`${name}=${env[name]}`))) return null;
  if (survivor.environment.has(`PORT=${env.PORT}`)) return survivor.identity;
  await end(survivor.identity, 0);
  return null;
}

/** Starts a process in a session of its own, so that it outlives this one. */
export async function launch(spec: Launch): Promise<ProcessIdentity> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  if (spec.pidFile !== undefined) mkdirSync(dirname(spec.pidFile), { recursive: true, mode: 0o700 });
  const earlier = await takeOver(spec);
  if (earlier) return earlier;
  const log = openSync(spec.logFile, "a");
  try {
    const [file, ...args] = spec.command;
    const own = file === "node" ? process.execPath : (file ?? "");
    const [program, words] =
      spec.pidFile === undefined
        ? [own, args]
        : // Shells add variables of their own to what they start.
          ["/bin/sh", ["-c", 'echo $$ > "$0"; unset PWD OLDPWD SHLVL; exec "$@"', spec.pidFile, own, ...args]];
    const child = spawn(program, words, {
      cwd: spec.cwd,
      env: { ...spec.env },
      detached: true,
      stdio: ["ignore", log, log],
      ...(spec.runAs === undefined ? {} : { uid: spec.runAs, gid: spec.runAs }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    const pid = child.pid ?? 0;
    return { pid, started: startTimeOf(pid) ?? "gone" };
  } finally {
    closeSync(log);
  }
}

/** SIGTERM, and SIGKILL to the whole group after `graceMs`. Resolves when it is gone; never touches another process. */
export async function end(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (!isAlive(identity)) return;
  signal(identity.pid, "SIGTERM");
  const deadline = performance.now() + graceMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) {
      signal(-identity.pid, "SIGKILL");
      signal(identity.pid, "SIGKILL");
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in between: that is what was wanted.
  }
}

/** Whether nobody listens on this port of the loopback interface. */
export async function isFree(port: number): Promise<boolean> {
  if (!Number.isInteger(port) || port < 1024 || port > 65_535) return false;
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A port of the loopback interface that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on the loopback interface");
  return address.port;
}

/** The last `bytes` of a text file, from a line's start; "" when there is none. */
export function tailOf(file: string, bytes: number): string {
  try {
    const text = readFileSync(file, "utf8");
    const cut = text.slice(-bytes);
    return cut.length < text.length ? cut.slice(cut.indexOf("\n") + 1) : cut;
  } catch {
    return "";
  }
}

/** What a target needs of a machine: a simulated one has the same. */
export interface Machine {
  freePort(): Promise<number>;
  launch(spec: Launch): Promise<ProcessIdentity>;
  isAlive(identity: ProcessIdentity): boolean;
  end(identity: ProcessIdentity, graceMs: number): Promise<void>;
  residentBytesOf(pid: number): number | null;
  tailOf(file: string, bytes: number): string;
}
export const thisMachine: Machine = { freePort, launch, isAlive, end, residentBytesOf, tailOf };
