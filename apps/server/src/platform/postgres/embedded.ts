import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "pino";
import { runCommand } from "../adapters/local/command.ts";
import { freePort, isAlive, isFree, launch, startTimeOf, tailOf } from "../adapters/local/process-table.ts";
import { findBinaries } from "./binaries.ts";
import { dataHome, makeShared, reachable } from "./walkable.ts";

/**
 * A real PostgreSQL 17 of our own in `<dir>/postgres`, on a loopback port with a generated password. It outlives this
 * process on purpose: releases use it, and a server that was killed finds it again by its `postmaster.pid`.
 */
export interface EmbeddedPostgres {
  readonly url: string;
  /** Ends it: "fast" shutdown, then "immediate" after 10 s. Never another process. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 10_000;
/** `nobody`: PostgreSQL refuses to run as root. */
const UNPRIVILEGED_ID = 65_534;

interface Place {
  readonly data: string;
  readonly passwordFile: string;
  readonly portFile: string;
  readonly log: string;
}
const isRoot = (): boolean => process.getuid?.() === 0;
const placeOf = (dir: string): Place => ({
  data: join(dataHome(dir, isRoot()), "data"),
  passwordFile: join(dir, "postgres.password"),
  portFile: join(dir, "postgres.port"),
  log: join(dir, "logs", "postgres.log"),
});

export async function ensurePostgres(options: { dir: string; log: Logger }): Promise<EmbeddedPostgres> {
  const place = placeOf(options.dir);
  const asRoot = isRoot();
  mkdirSync(dirname(place.data), { recursive: true, mode: 0o700 });
  if (asRoot) openTheWay(options.dir, place);
  if (!existsSync(join(place.data, "PG_VERSION"))) await initialise(place, asRoot);
  const running = runningPid(place);
  if (running === null) await start(place, asRoot, options.log, await lastingPort(place));
  const url = urlOf(place);
  await untilAnswers(url, place);
  return { url, stop: () => stopPostgres(options.dir) };
}

/** As often as one that died is looked for: its backends take a moment to end, and it does not start before. */
const LOOK_MS = 500;

/** Starts it again, at its address, when it ends while a server uses it. Answers how to let it go. */
export function keepPostgres(options: { dir: string; log: Logger }): () => Promise<void> {
  const { dir, log } = options;
  const place = placeOf(dir);
  const stopping = new AbortController();
  const keep = async () => {
    while (!stopping.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted || runningPid(place) !== null) continue;
      const port = Number(readFileSync(place.portFile, "utf8").trim());
      // Addresses that were given out stay true: no other port will do.
      if (!(await isFree(port))) continue;
      log.error("the embedded PostgreSQL has ended; it is started again");
      await start(place, isRoot(), log, port);
    }
  };
  const kept = keep().catch((err: unknown) =>
    log.error({ err }, "the embedded PostgreSQL is not looked after any more"),
  );
  return () => {
    stopping.abort();
    return kept;
  };
}

/** Whether there is a PostgreSQL of this directory, running or not. */
export const hasPostgres = (dir: string): boolean => existsSync(join(placeOf(dir).data, "PG_VERSION"));

/** Ends the PostgreSQL of a directory if one runs there. */
export async function stopPostgres(dir: string): Promise<void> {
  const place = placeOf(dir);
  const pid = runningPid(place);
  if (pid === null) return;
  const identity = { pid, started: startTimeOf(pid) ?? "gone" };
  process.kill(pid, "SIGINT");
  const deadline = performance.now() + STOP_GRACE_MS;
  while (isAlive(identity)) {
    if (performance.now() > deadline) process.kill(pid, "SIGQUIT");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function urlOf(place: Place): string {
  const password = readFileSync(place.passwordFile, "utf8").trim();
  const port = readFileSync(place.portFile, "utf8").trim();
  return `postgresql://latchkey:${password}@127.0.0.1:${port}/postgres`;
}

/** The pid in postmaster.pid when it is alive and really serves this folder; a stale file is removed. */
function runningPid(place: Place): number | null {
  const file = join(place.data, "postmaster.pid");
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  if (Number.isInteger(pid) && startTimeOf(pid) !== null && isPostgresOf(pid, place.data)) return pid;
  rmSync(file, { force: true });
  return null;
}

function isPostgresOf(pid: number, data: string): boolean {
  if (process.platform !== "linux") return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(data);
  } catch {
    return false;
  }
}

/** As root the data belongs to an unprivileged user, who must be able to walk to it. */
function openTheWay(dir: string, place: Place): void {
  if (place.data.startsWith(dir + sep)) chmodSync(dir, (statSync(dir).mode & 0o777) | 0o011);
  else makeShared();
  chownSync(dirname(place.data), UNPRIVILEGED_ID, UNPRIVILEGED_ID);
}

const runAs = (asRoot: boolean) => (asRoot ? { runAs: UNPRIVILEGED_ID } : {});

const childEnvironment = (lib: string): Record<string, string> => ({
  PATH: process.env.PATH ?? "",
  LC_ALL: "C.UTF-8",
  LD_LIBRARY_PATH: lib,
  DYLD_LIBRARY_PATH: lib,
  TZ: "UTC",
});

async function initialise(place: Place, asRoot: boolean): Promise<void> {
  const { bin, lib } = reachable(findBinaries(), asRoot);
  // What an initdb that was cut short left behind.
  rmSync(place.data, { recursive: true, force: true });
  const password = randomBytes(24).toString("base64url");
  const passwordForInit = join(dirname(place.data), "init.password");
  writeFileSync(place.passwordFile, `${password}\n`, { mode: 0o600 });
  writeFileSync(passwordForInit, `${password}\n`, { mode: 0o600 });
  if (asRoot) chownSync(passwordForInit, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const command = [
    join(bin, "initdb"),
    "-D",
    `${place.data}.new`,
    "-U",
    "latchkey",
    "-A",
    "scram-sha-256",
    `--pwfile=${passwordForInit}`,
    "--encoding=UTF8",
    "--no-locale",
    "--no-instructions",
  ];
  rmSync(`${place.data}.new`, { recursive: true, force: true });
  const result = await runCommand(command, {
    cwd: "/",
    env: childEnvironment(lib),
    timeoutMs: 60_000,
    ...runAs(asRoot),
  });
  rmSync(passwordForInit, { force: true });
  if (result.outcome !== "passed")
    throw new Error(`The embedded PostgreSQL could not be set up: ${result.output.trim()}`);
  // A rename is all or nothing: a folder of this name is always a complete one.
  renameSync(`${place.data}.new`, place.data);
}

/** Small: one team's control plane. 32 MB of shared buffers keep the whole of it under 120 MB (proportional). */
const SETTINGS = [
  "shared_buffers=32MB",
  "max_connections=60",
  "work_mem=8MB",
  "maintenance_work_mem=32MB",
  "wal_level=replica",
  "max_wal_size=256MB",
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "logging_collector=off",
  "log_min_messages=warning",
  "jit=off",
];

async function start(place: Place, asRoot: boolean, log: Logger, port: number): Promise<void> {
  const { bin, lib } = reachable(findBinaries(), asRoot);
  writeFileSync(place.portFile, `${port}\n`);
  const settings = [...SETTINGS, `port=${port}`].flatMap((s) => ["-c", s]);
  await launch({
    command: [join(bin, "postgres"), "-D", place.data, ...settings],
    cwd: "/",
    env: childEnvironment(lib),
    logFile: place.log,
    ...runAs(asRoot),
  });
  log.info({ port }, "embedded PostgreSQL started");
}

/** The port of the last start while nobody else has it: addresses that were handed to releases stay true. */
async function lastingPort(place: Place): Promise<number> {
  if (!existsSync(place.portFile)) return freePort();
  const last = Number(readFileSync(place.portFile, "utf8").trim());
  return (await isFree(last)) ? last : freePort();
}

async function untilAnswers(url: string, place: Place): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => {});
      if (performance.now() > deadline) {
        throw new Error(
          `The embedded PostgreSQL does not answer: ${error instanceof Error ? error.message : error}. Its log: ${tailOf(place.log, 1_500)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
