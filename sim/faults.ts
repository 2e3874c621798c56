import { claim, giveUp } from "../apps/server/src/platform/leases.ts";
import { Chance } from "./chance.ts";
import { SimServer } from "./parts/server.ts";
import { LEASE_MS } from "./watch.ts";
import type { World } from "./world.ts";

type Fate = "none" | "crash_before" | "crash_after" | "cut_before" | "cut_after";
const HOUR_MS = 3_600_000;

/** What goes wrong: decided by the seed, until the world is let come to rest. */
export class Faults {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #cutOff = new Map<string, number>();
  #isOver = false;
  #nobodyUntilMs = 0;

  constructor(world: World) {
    this.#world = world;
    this.#chance = new Chance(world.plan.seed, 2);
  }

  /** Between any two steps a process may die or lose its connection, before a step or after it, unanswered. */
  fateOfStep(): Fate {
    if (this.#isOver) return "none";
    const { crashPerStep, cutPerStep } = this.#world.plan;
    const dice = this.#chance.share();
    if (dice < crashPerStep) return this.#chance.isTrue(0.5) ? "crash_before" : "crash_after";
    if (dice < crashPerStep + cutPerStep) return this.#chance.isTrue(0.5) ? "cut_before" : "cut_after";
    return "none";
  }

  losesMessage(): boolean {
    return !this.#isOver && this.#chance.isTrue(this.#world.plan.lossPerMessage);
  }

  /** Messages are doubled now and then, and overtake each other. */
  copies(): number {
    return !this.#isOver && this.#chance.isTrue(0.05) ? 2 : 1;
  }

  delayMs(): number {
    if (this.#isOver || !this.#chance.isTrue(0.03)) return 0;
    return this.#chance.around(4_000);
  }

  isCutOff(gateway: string): boolean {
    if (this.#world.guards.cutsOffGateways) return true;
    return !this.#isOver && (this.#cutOff.get(gateway) ?? 0) > this.#world.timeline.nowMs;
  }

  begin(): void {
    const { plan, timeline } = this.#world;
    if (!plan.isCalm) this.#every(25_000, () => this.#one());
    this.#restarts();
    const { hungLoop, nobody } = plan;
    if (hungLoop) timeline.after(hungLoop.atMs, () => this.#hang(hungLoop.forMs));
    if (nobody) timeline.after(nobody.atMs, () => this.#leaveAlone(nobody.forMs));
    if (plan.clocksWander) this.#every(20_000, () => this.#moveClock());
    if (plan.backupAtMs === null) return;
    let backup: unknown = null;
    timeline.after(plan.backupAtMs, async () => {
      backup = await this.#world.backend.backup();
      this.#world.tell("world", "a backup is taken");
    });
    for (const at of plan.restoreAtMs) timeline.after(at, () => this.#world.restore(backup));
  }

  /** No more faults: who is not lost for good comes back, clocks agree again. */
  end(): void {
    this.#isOver = true;
    for (const server of this.#world.servers) {
      server.drift = 0;
      if (this.#world.timeline.nowMs >= this.#nobodyUntilMs) server.start();
    }
    for (const gateway of this.#world.gateways) gateway.start();
  }

  #every(meanMs: number, fn: () => void): void {
    this.#world.timeline.after(this.#chance.around(meanMs), () => {
      if (this.#isOver) return;
      fn();
      this.#every(meanMs, fn);
    });
  }

  /** Whoever was killed comes back after a while, as under a supervisor. */
  #restarts(): void {
    const down = new Map<object, number>();
    const look = () => {
      // Also when no more faults begin: one that began before may end a process later.
      const { nowMs } = this.#world.timeline;
      for (const part of [...this.#world.servers, ...this.#world.gateways]) {
        if (part.isUp) down.delete(part);
        else if (!down.has(part)) down.set(part, nowMs + this.#chance.between(500, 15_000));
        else if (nowMs >= Math.max(down.get(part) ?? 0, part instanceof SimServer ? this.#nobodyUntilMs : 0))
          part.start();
      }
      this.#world.timeline.after(500, look);
    };
    look();
  }

  #one(): void {
    const { servers, gateways, machine, backend } = this.#world;
    const server = this.#chance.pick(servers);
    const faults: (() => void)[] = [
      () => server.crash("kill -9"),
      () => this.#loseForGood(server),
      () => server.stall(this.#chance.pick([3_000, 8_000, 20_000, 75_000])),
      () => this.#stealLease(),
      () => this.#chance.pick(gateways).crash(this.#chance.isTrue(0.2)),
      () => machine.kill(),
      () => {
        this.#world.tell("database", "restarts");
        backend.restart();
      },
      () => {
        const { name } = this.#chance.pick(gateways);
        this.#world.tell(name, "is cut off from the servers for a while");
        this.#cutOff.set(name, this.#world.timeline.nowMs + this.#chance.pick([4_000, 15_000, 40_000]));
      },
    ];
    this.#chance.pick(faults)();
  }

  /** The loop of every server that has begun one hangs; those that start later go round. */
  #hang(forMs: number): void {
    const { servers } = this.#world;
    // Which one holds the lease: all but one may hang, so that there is somebody to take over where there are several.
    for (const server of servers.slice(0, Math.max(1, servers.length - 1))) server.hang(forMs);
  }

  /** Every server is killed, and none comes back for a while. */
  #leaveAlone(forMs: number): void {
    const { servers, timeline } = this.#world;
    this.#nobodyUntilMs = timeline.nowMs + forMs;
    for (const server of servers) server.crash("all of them");
    timeline.at(this.#nobodyUntilMs, () => {
      for (const server of servers) server.start();
    });
  }

  #loseForGood(server: SimServer): void {
    const others = this.#world.servers.filter((s) => s !== server && !s.isLostForGood);
    if (others.length === 0 || !this.#chance.isTrue(0.5)) return;
    server.crash("its machine is lost for good");
    server.isLostForGood = true;
  }

  /** Another server takes the lease while its holder believes in it: two work side by side. */
  #stealLease(): void {
    const thief = this.#chance.pick(this.#world.servers).name;
    this.#world.tell("database", `the lease is given to ${thief}, whoever holds it`);
    const { directly, servers } = this.#world;
    void Promise.all(servers.map(({ name }) => giveUp(directly, "delivery", name))).then(() =>
      claim(directly, "delivery", thief, LEASE_MS).then((fence) => fence !== null && this.#world.watch.onHeld()),
    );
  }

  #moveClock(): void {
    const server = this.#chance.pick(this.#world.servers);
    const what = this.#chance.pick(["forward", "back", "drift"] as const);
    if (what === "drift") server.drift = this.#chance.between(-0.05, 0.05);
    else server.skewMs += (what === "forward" ? 1 : -1) * this.#chance.pick([5_000, 90_000, HOUR_MS]);
    this.#world.tell(server.name, what === "drift" ? "its clock drifts" : `its clock is set ${what}`);
  }
}
