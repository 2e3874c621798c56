import type { Prober } from "@latchkey/core/delivery/ports";
import type { Machine, ProcessIdentity } from "../../apps/server/src/platform/adapters/local/process-table.ts";
import type { Clock } from "../../apps/server/src/platform/clock.ts";
import type { World } from "../world.ts";

/** The machine that releases run on: processes with ports, which start, serve, and die. */
interface SimProcess {
  readonly pid: number;
  readonly pidFile: string;
  readonly port: number;
  readonly digest: string;
  readonly readyAtMs: number;
  diesAtMs: number;
}
const POLL_MS = 100;

export class SimMachine {
  readonly #world: World;
  readonly #processes = new Map<number, SimProcess>();
  readonly #byPort = new Map<number, SimProcess>();
  #pids = 100;
  #ports = 40_000;

  constructor(world: World) {
    this.#world = world;
  }

  #isAlive(process: SimProcess | undefined): process is SimProcess {
    return process !== undefined && this.#world.timeline.nowMs < process.diesAtMs;
  }

  /** The process that answers on a port. */
  at(port: number): SimProcess | null {
    const process = this.#byPort.get(port);
    return this.#isAlive(process) && this.#world.timeline.nowMs >= process.readyAtMs ? process : null;
  }

  /** One process, of those that live, dies. */
  kill(): void {
    const alive = [...this.#processes.values()].filter((p) => this.#isAlive(p));
    if (alive.length === 0) return;
    const process = this.#world.chance.pick(alive);
    process.diesAtMs = this.#world.timeline.nowMs;
    this.#world.tell("machine", `process ${process.pid} of release ${process.digest} dies`);
  }

  /** The process that lives of a release dies. False where none does: nobody has started it again yet. */
  killRelease(releaseId: string): boolean {
    let hasDied = false;
    for (const process of this.#processes.values()) {
      if (!this.#isAlive(process) || !process.pidFile.endsWith(`${releaseId}.pid`)) continue;
      process.diesAtMs = this.#world.timeline.nowMs;
      hasDied = true;
    }
    return hasDied;
  }

  of(clock: Clock): Machine {
    const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const isAlive = (identity: ProcessIdentity) => this.#isAlive(this.#processes.get(identity.pid));
    return {
      freePort: async () => {
        this.#ports += 1;
        return this.#ports;
      },
      launch: async (spec) => {
        await wait(20);
        return this.#launch(spec.cwd, Number(spec.env.PORT), spec.pidFile ?? "");
      },
      isAlive,
      end: async (identity) => {
        const process = this.#processes.get(identity.pid);
        if (!this.#isAlive(process)) return;
        const at = this.#world.timeline.nowMs + this.#world.chance.between(50, 2_000);
        process.diesAtMs = Math.min(process.diesAtMs, at);
        this.#world.oracle.onEnd(process.port);
        while (isAlive(identity)) await wait(POLL_MS);
      },
      residentBytesOf: (pid) => this.#world.guards.bytesOf(this.#processes.get(pid)?.pidFile ?? ""),
      tailOf: () => "",
    };
  }

  #launch(digest: string, port: number, pidFile: string): ProcessIdentity {
    for (const earlier of this.#processes.values()) {
      if (earlier.pidFile !== pidFile || !this.#isAlive(earlier)) continue;
      if (earlier.port === port) return { pid: earlier.pid, started: String(earlier.pid) };
      earlier.diesAtMs = this.#world.timeline.nowMs;
    }
    this.#pids += 1;
    const nowMs = this.#world.timeline.nowMs;
    const release = this.#world.truth.of(digest);
    const isTaken = this.#isAlive(this.#byPort.get(port));
    const dies = isTaken || release.diesAtStart;
    const process: SimProcess = {
      pid: this.#pids,
      pidFile,
      port,
      digest,
      readyAtMs: nowMs + release.startMs,
      diesAtMs: dies ? nowMs + 100 : Number.POSITIVE_INFINITY,
    };
    this.#processes.set(process.pid, process);
    if (!isTaken) this.#byPort.set(port, process);
    return { pid: this.#pids, started: String(this.#pids) };
  }

  proberOf(clock: Clock): Prober {
    const answers = async (upstream: string): Promise<boolean> => {
      await new Promise<void>((resolve) => clock.after(5, resolve));
      return this.at(Number(new URL(upstream).port)) !== null;
    };
    return {
      walk: async (journey, upstream) => ((await answers(upstream)) ? null : `${journey.path} did not answer.`),
      health: async (_path, _shape, upstream) =>
        (await answers(upstream))
          ? { state: "healthy", words: "answered 200" }
          : { state: "unhealthy", words: "did not answer" },
    };
  }
}
