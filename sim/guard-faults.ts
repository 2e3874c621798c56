import type { RoutingTable } from "@latchkey/api/gateway";
import type { GuardName } from "@latchkey/core/analysis/types";
import type { WeightedArm } from "@latchkey/core/delivery/split";
import type { World } from "./world.ts";

/** What a fault does to the canary's rollout: its guard holds it and lets it go again, takes it back, or only tells. */
interface GuardFault {
  readonly words: string;
  readonly guard: GuardName;
  readonly does: "holds" | "rolls_back" | "tells";
  /** When it begins after the canary's first visitors, and how long it lasts, milliseconds. */
  readonly afterMs: number;
  readonly lastsMs: number;
  /** By then the guard must have seen it: what it needs to see, and two looks. */
  readonly seenMs: number;
}

export const GUARD_FAULTS = {
  // 200 requests of 30 a second, and an e-value of 10,000.
  wrong_share: fault("a gateway routes another share than set", "share_mismatch", "holds", 25_000, 14_000),
  no_traffic: fault("nobody comes", "no_traffic", "holds", 30_000, 5_000),
  // 31 requests of the baseline: (1 - 0.2)^31 < 1/1000.
  canary_silent: fault("the canary gets none of the requests", "no_traffic", "holds", 30_000, 8_000),
  // A gateway counts as live for 10 s. It has told before that it has the table.
  source_down: fault("the servers hear no gateway", "source_down", "holds", 30_000, 15_000, 4_000),
  baseline_sick: fault("the current release fails", "baseline_sick", "holds", 30_000, 8_000),
  shared_incident: fault("both releases fail", "shared_incident", "holds", 30_000, 8_000),
  gateway_clock: fault("a gateway's clock is off", "clock_skew", "holds", 30_000, 6_000),
  // After some answers: without any, the metric has no data, which holds as well.
  source_clock: fault("the metric source's clock is off", "clock_skew", "holds", 30_000, 10_000, 20_000),
  metric_down: fault("the metric source is down", "metric_source", "holds", 30_000, 10_000),
  metric_missing: fault("a metric has nothing of the canary", "metric_data", "holds", 30_000, 10_000),
  // It grows by 36 % in all, below the half that is harm, and is seen to for the 20 s after.
  memory_grows: fault("the canary's memory grows, and levels off", "memory", "holds", 24_000, 9_000),
  // By a half within 5 s, and over it for 5 s.
  memory_leak: fault("the canary's memory grows without end", "memory", "rolls_back", 600_000, 16_000),
  restarts: fault("the canary's process dies, again and again", "restarts", "rolls_back", 6_000, 16_000),
  metric_limit: fault("a metric goes beyond its bound on the canary", "metric_limit", "rolls_back", 600_000, 16_000),
  clustered: fault("failures came in clusters before", "clustered", "tells", 0, 0),
} as const;
export type GuardFaultName = keyof typeof GUARD_FAULTS;

function fault(
  words: string,
  guard: GuardName,
  does: GuardFault["does"],
  lastsMs: number,
  seenMs: number,
  afterMs = 0,
): GuardFault {
  return { words, guard, does, afterMs, lastsMs, seenMs };
}

/** Where the faults of one rollout began and end, by true time. */
export interface Window {
  readonly rolloutId: string;
  readonly canaryId: string;
  readonly fromMs: number;
  readonly untilMs: number;
}
const MEMORY_BYTES = 50e6;
const OFF_MS = [-3_600_000, -45_000, 60_000, 86_400_000] as const;
/** Growth of memory a second: a half is harm, and a quarter of that within 20 s is looked at. */
const GROWTH = { memory_leak: 0.1, memory_grows: 0.03 } as const;
const GROWS_MS = 12_000;

/** What guards are for, done to the first canary of a world: from its first visitors on, for a time. */
export class GuardFaults {
  readonly #world: World;
  readonly name: GuardFaultName | null;
  window: Window | null = null;
  #offMs = 0;

  constructor(world: World) {
    this.#world = world;
    this.name = world.plan.guardFault;
  }

  get fault(): GuardFault | null {
    return this.name === null ? null : GUARD_FAULTS[this.name];
  }

  /** A gateway took a table: the first with a canary that is compared begins it. */
  onApplied(table: RoutingTable): void {
    if (this.name === null || this.window !== null) return;
    for (const { environment, rolloutId, arms } of table.services) {
      const canary = arms.find((arm) => arm.arm === "canary" && arm.weightPercent > 0);
      const isCompared = arms.some((arm) => arm.arm === "baseline" && arm.weightPercent > 0);
      if (canary && isCompared && rolloutId !== null && !environment.endsWith("/preview"))
        this.#begin(rolloutId, canary.releaseId);
    }
  }

  #begin(rolloutId: string, canaryId: string): void {
    const { timeline, chance } = this.#world;
    const { words, afterMs, lastsMs } = GUARD_FAULTS[this.name ?? "clustered"];
    const fromMs = timeline.nowMs + afterMs;
    this.window = { rolloutId, canaryId, fromMs, untilMs: fromMs + lastsMs };
    this.#world.tell("world", `in ${afterMs / 1_000} s ${words}, for ${lastsMs / 1_000} s`);
    this.#offMs = chance.pick(OFF_MS);
    if (this.name === "restarts") for (const after of [500, 4_500]) this.#killOnce(canaryId, after, 4);
  }

  /** A process that is dead already, because no server looked, dies once more when it lives: at most so many seconds later. */
  #killOnce(releaseId: string, afterMs: number, tries: number): void {
    this.#world.timeline.after(afterMs, () => {
      if (!this.#world.machine.killRelease(releaseId) && tries > 0) this.#killOnce(releaseId, 1_000, tries - 1);
    });
  }

  #isOn(...names: readonly GuardFaultName[]): boolean {
    const { window } = this;
    if (window === null || this.name === null || !names.includes(this.name)) return false;
    const { nowMs } = this.#world.timeline;
    return nowMs >= window.fromMs && nowMs < window.untilMs;
  }

  get nobodyComes(): boolean {
    return this.#isOn("no_traffic");
  }

  /** The arms as a gateway's routing has them. */
  arms<A extends WeightedArm>(gateway: string, arms: readonly A[]): readonly A[] {
    const isSilent = this.#isOn("canary_silent");
    if (!isSilent && !(gateway === "gateway-1" && this.#isOn("wrong_share"))) return arms;
    return arms.map((arm) => ({ ...arm, weightPercent: (arm.arm === "canary") === isSilent ? 0 : 100 }));
  }

  /** Share of an arm's answers that fail, beside what its release does. */
  errorRatio(arm: WeightedArm["arm"]): number {
    if (this.#isOn("shared_incident")) return 0.13;
    return arm === "baseline" && this.#isOn("baseline_sick") ? 0.4 : 0;
  }

  get cutsOffGateways(): boolean {
    return this.#isOn("source_down");
  }

  gatewayAheadMs(gateway: string): number {
    return gateway === "gateway-1" && this.#isOn("gateway_clock") ? this.#offMs : 0;
  }

  get sourceAheadMs(): number {
    return this.#isOn("source_clock") ? this.#offMs : 0;
  }

  get isSourceDown(): boolean {
    return this.#isOn("metric_down");
  }

  /** Events among a hundred that an arm counts; null where it has no series. */
  eventsOf(arm: string): number | null {
    if (arm === "canary" && this.#isOn("metric_missing")) return null;
    return arm === "canary" && this.#isOn("metric_limit") ? 60 : 2;
  }

  /** Resident memory of a release's process, which is told by its pid file. */
  bytesOf(pidFile: string): number {
    const { window, name } = this;
    if (
      window === null ||
      !pidFile.endsWith(`${window.canaryId}.pid`) ||
      (name !== "memory_leak" && name !== "memory_grows")
    )
      return MEMORY_BYTES;
    const grownMs = this.#world.timeline.nowMs - window.fromMs;
    const seconds = (name === "memory_grows" ? Math.min(grownMs, GROWS_MS) : grownMs) / 1_000;
    return MEMORY_BYTES * (1 + GROWTH[name] * seconds);
  }
}
