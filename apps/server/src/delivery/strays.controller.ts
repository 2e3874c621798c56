import type { Logger } from "pino";
import { end, recordedIn } from "../platform/adapters/local/process-table.ts";
import type { Executor } from "../platform/database.ts";
import { machineId } from "../platform/machine-id.ts";
import { liveGateways } from "./gateways.store.ts";
import { pidDirOf } from "./local-target.controller.ts";
import { listProcesses } from "./processes.store.ts";
import { currentGeneration } from "./routing.view.ts";

const EVERY_MS = 5_000;
/** A process is noted before its row is written: whoever starts it has this long. */
const NOTED_MS = 60_000;
/** As a release that is retired: longer, and what must be ended would hold up the next round. */
const DRAIN_MS = 10_000;

/**
 * Ends releases' processes on this machine that no row tells of: their server was killed between the start and the row,
 * or the release runs on another machine by now. Each server does that for its own machine, lease or not: nobody else
 * can.
 */
export class StraysController {
  readonly #db: Executor;
  readonly #log: Logger;
  readonly #machine = machineId();
  readonly #dir: string;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();

  constructor(o: { readonly database: { readonly db: Executor }; readonly log: Logger; readonly sharedDir: string }) {
    this.#db = o.database.db;
    this.#log = o.log;
    this.#dir = pidDirOf(o.sharedDir, this.#machine);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round = this.#round
        .then(async () => void (await this.round()))
        .catch((error: unknown) => this.#log.warn({ err: error }, "strayed processes could not be looked for"));
    }, EVERY_MS);
  }

  /** One look at what is noted here. Answers the releases whose processes were ended. */
  async round(now = Date.now()): Promise<string[]> {
    const noted = recordedIn(this.#dir).filter(({ notedMs }) => now - notedMs > NOTED_MS);
    if (noted.length === 0) return [];
    // A pid of long ago may by now be that of a release which is well.
    const claimed = new Set((await listProcesses(this.#db)).map((row) => `${row.pid}/${row.pid_started}`));
    const ended: string[] = [];
    for (const { name, identity } of noted) {
      if (claimed.has(`${identity.pid}/${identity.started}`)) continue;
      // A release that moved is named by the gateways' tables until they have the newest.
      if (!(await this.#isRoutedAnew())) return ended;
      this.#log.warn({ releaseId: name, pid: identity.pid }, "a strayed process is ended");
      await end(identity, DRAIN_MS);
      ended.push(name);
    }
    return ended;
  }

  async #isRoutedAnew(): Promise<boolean> {
    const { epoch, n } = await currentGeneration(this.#db);
    const gateways = await liveGateways(this.#db);
    return gateways.every((g) => g.applied_epoch > epoch || (g.applied_epoch === epoch && g.applied_n >= n));
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#round;
  }
}
