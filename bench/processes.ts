import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** CPU and memory of processes, from /proc. */
export interface Watched {
  readonly server: number;
  readonly gateway: number;
  readonly postgres: readonly number[];
}

/** Clock ticks per second: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS = 100;

function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** User and system time of a process so far, in seconds; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS : 0;
}

/** Memory that a process alone accounts for, shared pages divided among their users, in megabytes. */
export function pssMegabytes(pid: number): number {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    return Number(match?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export function residentMegabytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(statOf(Number(name))?.[1]) === parent)
    .map(Number);
}

/** The processes of an installation, by what it keeps in its folder. */
export function processesOf(dir: string): Watched {
  const record = JSON.parse(readFileSync(join(dir, "supervisor.json"), "utf8")) as { name: string; pid: number }[];
  const pid = (name: string) => record.find((r) => r.name === name)?.pid ?? 0;
  const postmaster = Number(readFileSync(join(dir, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
  return { server: pid("server"), gateway: pid("gateway"), postgres: [postmaster, ...childrenOf(postmaster)] };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Memory now, in megabytes: resident for single processes, proportional for PostgreSQL, whose processes share. */
export function memoryOf(dir: string): { server: number; gateway: number; postgres: number } {
  const p = processesOf(dir);
  return {
    server: residentMegabytes(p.server),
    gateway: residentMegabytes(p.gateway),
    postgres: sum(p.postgres.map(pssMegabytes)),
  };
}

/** CPU seconds so far. Backends of PostgreSQL come and go: the postmaster's reaped children are counted with it. */
export function cpuOf(dir: string): { server: number; gateway: number; postgres: number } {
  const p = processesOf(dir);
  const reaped = statOf(p.postgres[0] ?? 0);
  const gone = reaped ? (Number(reaped[13]) + Number(reaped[14])) / TICKS : 0;
  return {
    server: cpuSeconds(p.server),
    gateway: cpuSeconds(p.gateway),
    postgres: sum(p.postgres.map(cpuSeconds)) + gone,
  };
}
