import type { Logger } from "pino";
import { end, recordedIn } from "../platform/adapters/local/process-table.ts";
import type { Executor } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { machineId } from "../platform/machine-id.ts";
import { liveGateways } from "./gateways.store.ts";
import { pidDirOf } from "./local-target.controller.ts";
import { listProcesses } from "./processes.store.ts";
import { currentGeneration } from "./routing.view.ts";
import { driverOf } from "./system.view.ts";

const EVERY_MS = 5_000;
/** A process is noted before its row is written: whoever starts it here has this long. */
const NOTED_MS = 60_000;
/** As a release that is retired: longer, and what must be ended would hold up the next round. */
const DRAIN_MS = 10_000;

/** Whether all gateways that live serve by the newest table. */
export async function isRoutedAnew(db: Executor): Promise<boolean> {
  const { epoch, n } = await currentGeneration(db);
  const gateways = await liveGateways(db);
  return gateways.every((g) => g.applied_epoch > epoch || (g.applied_epoch === epoch && g.applied_n >= n));
}

export interface StraysOptions {
  readonly database: { readonly db: Executor };
  readonly log: Logger;
  readonly sharedDir: string;
  readonly lease: Pick<Lease, "held">;
  /** Whether a release is on its way up by this server's hand. */
  readonly isStarting: (releaseId: string) => boolean;
}

/**
 * Ends releases' processes on this machine that no row tells of: their server was killed between the start and the row,
 * or the release runs on another machine by now. Only a server here can. While one of this machine holds the lease, it is
 * that one's to do: it knows what it is about to start.
 */
export class StraysController {
  readonly #o: StraysOptions;
  readonly #machine = machineId();
  readonly #dir: string;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();

  constructor(options: StraysOptions) {
    this.#o = options;
    this.#dir = pidDirOf(options.sharedDir, this.#machine);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round = this.#round
        .then(() => this.#look())
        .catch((error: unknown) => this.#o.log.warn({ err: error }, "strayed processes could not be looked for"));
    }, EVERY_MS);
  }

  async #look(): Promise<void> {
    const { db } = this.#o.database;
    const isOurs = this.#o.lease.held();
    const driver = isOurs ? null : await driverOf(db);
    // Nobody drives: whoever takes over may want what is here.
    if (!isOurs && (driver === null || driver === this.#machine)) return;
    const oldest = isOurs ? Date.now() - NOTED_MS : Number.POSITIVE_INFINITY;
    const noted = recordedIn(this.#dir).filter((r) => r.notedMs < oldest && !this.#o.isStarting(r.name));
    if (noted.length === 0) return;
    // A pid of long ago may by now be that of a release which is well.
    const claimed = new Set((await listProcesses(db)).map((row) => `${row.pid}/${row.pid_started}`));
    const strays = noted.filter(({ identity }) => !claimed.has(`${identity.pid}/${identity.started}`));
    // A release that moved is named by the gateways' tables until they have the newest.
    if (strays.length === 0 || !(await isRoutedAnew(db))) return;
    for (const { name, identity } of strays) {
      this.#o.log.warn({ releaseId: name, pid: identity.pid }, "a strayed process is ended");
      await end(identity, DRAIN_MS);
    }
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#round;
  }
}
