import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { RouteFailure, RoutePlan, Router, RouteServed } from "@latchkey/core/delivery/ports";
import { err, type Result } from "@latchkey/core/shared/result";
import { freePort } from "../local/process-table.ts";
import { filesOf } from "./configuration.ts";
import { HaproxyCounts, LogReceiver } from "./counting.ts";
import { HaproxyRouter } from "./router.ts";
import { WatchServer } from "./watching.ts";

interface MachinePlace {
  readonly folder: string;
  readonly bind: string;
  /** Whether this server looks after the rollouts: HAProxy asks each second, and leaves a canary that nobody watches. */
  readonly isWatching: () => boolean;
}

/** A HAProxy with its log: what a service with the target `haproxy` is routed by. Begins to listen with the first routing. */
export class HaproxyMachine implements Router {
  readonly counts: HaproxyCounts;
  readonly #place: MachinePlace;
  #router: HaproxyRouter | null = null;
  #receiver: LogReceiver | null = null;
  #watch: WatchServer | null = null;

  constructor(place: MachinePlace, now: () => number) {
    this.#place = place;
    this.counts = new HaproxyCounts(now);
  }

  async route(plan: RoutePlan): Promise<Result<RouteServed, RouteFailure>> {
    try {
      this.#router ??= await this.#open();
    } catch (error) {
      return err({ kind: "failed", words: `HAProxy can't be listened to: ${(error as Error).message}.` });
    }
    return this.#router.route(plan);
  }

  get startCommand(): string {
    return `haproxy -W -f ${filesOf(this.#place.folder).configuration}`;
  }

  async #open(): Promise<HaproxyRouter> {
    const { folder } = this.#place;
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const logPort = await portIn(`${folder}/log.port`);
    this.#receiver ??= await LogReceiver.listen(logPort, (line) => this.counts.take(line));
    const watchPort = await portIn(`${folder}/watch.port`);
    this.#watch ??= await WatchServer.listen(watchPort, this.#place.isWatching);
    return new HaproxyRouter({ ...this.#place, logPort, watchPort }, (plan, slots) =>
      this.counts.follow(plan, (address) => slots.find((slot) => slot.address === address)?.name),
    );
  }

  /** Another server may listen from now on. HAProxy goes on as it is. */
  close(): void {
    this.#receiver?.close();
    this.#receiver = null;
    this.#watch?.close();
    this.#watch = null;
    this.#router = null;
  }
}

/** The port stays over restarts: HAProxy's configuration names it. */
async function portIn(file: string): Promise<number> {
  try {
    const port = Number(readFileSync(file, "utf8"));
    if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  } catch {
    // It is the first time.
  }
  const port = await freePort();
  writeFileSync(file, `${port}\n`, { mode: 0o640 });
  return port;
}
