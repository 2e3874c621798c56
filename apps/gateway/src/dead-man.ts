import type { RoutingService, RoutingTable } from "@latchkey/api/gateway";

/**
 * The dead man's switch: a canary that nobody watches gets no visitors. A gateway that has not been answered by any server for
 * as long as a service allows sends everybody to the old release, until a server has answered for a while.
 */

/** By then a server that is back has taken the rollout back itself, and its newer table is here. */
const STEADY_MS = 10_000;

/** Whether anybody watches, by this gateway's monotonic clock. */
export class Silence {
  #heardMs: number;
  /** While it is over-long: since when a server answers again. */
  #backMs: number | null = null;
  #isLong = false;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /** A server has answered. */
  heard(nowMs: number): void {
    if (this.#isLong) {
      this.#backMs ??= nowMs;
      if (nowMs - this.#backMs < STEADY_MS) return;
    }
    this.#heardMs = nowMs;
    this.#backMs = null;
    this.#isLong = false;
  }

  /** A server did not answer. */
  lost(): void {
    this.#backMs = null;
  }

  /** A newer table came: whoever made it watches. */
  over(nowMs: number): void {
    this.#isLong = false;
    this.#backMs = null;
    this.#heardMs = nowMs;
  }

  /** How long nobody has answered, milliseconds. `limitMs`: from there on it takes more than one answer to end it. */
  lasts(nowMs: number, limitMs: number): number {
    const lastsMs = nowMs - this.#heardMs;
    if (lastsMs >= limitMs) this.#isLong = true;
    return lastsMs;
  }
}

/** The shortest silence after which something in the table changes; infinite where nothing does. */
export const limitOf = (table: RoutingTable): number =>
  Math.min(Number.POSITIVE_INFINITY, ...table.services.flatMap(({ deadManMs }) => deadManMs ?? []));

/** The table to serve by after a silence: the very same one where that changes nothing. */
export function afterSilence(table: RoutingTable, silentMs: number): RoutingTable {
  const isDue = ({ deadManMs, arms }: RoutingService): boolean =>
    deadManMs !== undefined &&
    silentMs >= deadManMs &&
    arms.some(({ arm, weightPercent }) => arm === "baseline" && weightPercent > 0) &&
    arms.some(({ arm, weightPercent }) => arm === "canary" && weightPercent > 0);
  if (!table.services.some(isDue)) return table;
  return { ...table, services: table.services.map((service) => (isDue(service) ? withoutCanary(service) : service)) };
}

function withoutCanary(service: RoutingService): RoutingService {
  const canary = service.arms.reduce((sum, a) => sum + (a.arm === "canary" ? a.weightPercent : 0), 0);
  const baselines = service.arms.filter((a) => a.arm === "baseline" && a.weightPercent > 0).length;
  const arms = service.arms.map((a) => {
    if (a.arm === "canary") return { ...a, weightPercent: 0 };
    return a.arm === "baseline" && a.weightPercent > 0
      ? { ...a, weightPercent: a.weightPercent + canary / baselines }
      : a;
  });
  return { ...service, arms };
}
