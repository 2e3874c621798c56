import type { BurnRates } from "@latchkey/core/delivery/burning";
import type { Health } from "@latchkey/core/delivery/health-shape";
import type { Prober, Run, Target } from "@latchkey/core/delivery/ports";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { type Ailing, isToGoBack, lookAt, WELL } from "@latchkey/core/delivery/unhealthy";
import type { Logger } from "pino";
import { type EnvironmentRow, type ServiceRow, servicesNamed, servingEnvironments } from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { ProblemError } from "../platform/problems.ts";
import { BurnReader } from "./burn-rates.ts";
import { activeDeployments, promotedSince, type ServedByRow } from "./deployments.store.ts";
import { rollBack } from "./rollback.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { applyWithin } from "./rollout-engine.ts";
import { activeRollouts, type RolloutRow } from "./rollouts.store.ts";

const EVERY_MS = 1_000;
const ANSWER_MS = 2_000;
/** Releases that are asked at once. */
const AT_ONCE = 16;
/** The longest that `rollback.watchMs` may be. */
const WATCH_MAX_MS = 2_592_000_000;

export interface AilingOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly target: Pick<Target, "upstreamOf">;
  readonly prober: Pick<Prober, "health">;
  /** What knows whether a service burns its error budget. */
  readonly burnRatesOf: (service: ServiceRow) => BurnRates;
  readonly hasArtifact: (digest: string) => Promise<boolean>;
  readonly onRerouted: () => void;
  readonly onChanged: (rolloutId: string) => void;
  readonly wake: () => void;
}
interface Watched {
  readonly service: ServiceRow;
  readonly environment: EnvironmentRow;
  readonly releaseId: string;
  /** The rollout that it is the new release of; null once that is over. */
  readonly rollout: RolloutRow | null;
  /** When it was asked for, before any visitor saw it. */
  readonly askedMs: number;
}

/** Why a release is left: its health, or its service's error budget. */
interface Cause {
  readonly kind: "health" | "burning";
  readonly ailing: Ailing;
}

/**
 * Asks each release that serves, and is new, how it is, and whether its service burns its error budget; goes back by itself
 * when either was so for longer than its service allows. What was seen is in memory: a server that starts counts anew, which goes back later, never sooner.
 */
export class AilingController {
  readonly #o: AilingOptions;
  readonly #seen = new Map<string, Ailing>();
  readonly #burns: BurnReader;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(options: AilingOptions) {
    this.#o = options;
    this.#burns = new BurnReader(options.clock);
  }

  start(): void {
    this.#timer = setInterval(() => {
      // A round that takes longer than the time between two has no second one behind it.
      if (this.#isBusy) return;
      this.#isBusy = true;
      this.#round = this.tick()
        .catch((error: unknown) => this.#o.log.warn({ err: error }, "the health of releases could not be watched"))
        .finally(() => {
          this.#isBusy = false;
        });
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#round;
  }

  async tick(): Promise<void> {
    const fence = this.#o.lease.fence();
    if (fence === null) return this.#seen.clear();
    const watched = await this.#watched();
    const keys = new Set(watched.flatMap((one) => [keyOf("health", one), keyOf("burning", one)]));
    this.#burns.keepOnly(keys);
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
    for (let i = 0; i < watched.length; i += AT_ONCE)
      await Promise.all(watched.slice(i, i + AT_ONCE).map((one) => this.#look(one, fence)));
  }

  /** New releases that visitors are sent to, where there is one to go back to. */
  async #watched(): Promise<Watched[]> {
    const { db } = this.#o.database;
    const places = await servingEnvironments(db);
    const rollouts = new Map((await activeRollouts(db)).map((row) => [placeKey(row), row]));
    const newest = await this.#newest(places);
    // Whatever serves longer than anybody watches, and is not rolled out, is not asked for at all.
    const open = places.filter((e) => newest.has(e.serving_deployment_id ?? "") || rollouts.has(placeKey(placeOf(e))));
    if (open.length === 0) return [];
    const services = new Map((await servicesNamed(db, open)).map((s) => [`${s.project}/${s.name}`, s]));
    const back = new Set((await activeDeployments(db)).filter((d) => d.rollback !== null).map(placeKey));
    return open.flatMap((environment) => {
      const key = placeKey(placeOf(environment));
      const service = services.get(`${environment.project}/${environment.service}`);
      // Going back already: neither there nor back again.
      if (!service || back.has(key)) return [];
      const rollout = rollouts.get(key) ?? null;
      const by = newest.get(environment.serving_deployment_id ?? "");
      const one = rollout ? inRollout(service, environment, rollout) : this.#after(service, environment, by);
      return one ? [one] : [];
    });
  }

  /** What was promoted lately, by its deployment, and is not itself the way back. */
  async #newest(places: readonly EnvironmentRow[]): Promise<ReadonlyMap<string, ServedByRow>> {
    const since = new Date(this.#o.clock.now() - WATCH_MAX_MS);
    const ids = places.flatMap((place) => place.serving_deployment_id ?? []);
    return new Map((await promotedSince(this.#o.database.db, ids, since)).map((row) => [row.id, row]));
  }

  /** A release after its rollout, for as long as its service wants it watched. */
  #after(service: ServiceRow, environment: EnvironmentRow, by: ServedByRow | undefined): Watched | null {
    const { whenUnhealthy, whenBurning, watchMs } = rollbackPolicyOf(service);
    const releaseId = environment.serving_release_id;
    if (!by || releaseId === null || (!whenUnhealthy && !whenBurning)) return null;
    if (this.#o.clock.now() - by.finished_at.getTime() > watchMs) return null;
    return { service, environment, rollout: null, releaseId, askedMs: by.created_at.getTime() };
  }

  async #healthOf(service: ServiceRow, run: Run): Promise<Health | null> {
    const upstream = await this.#o.target.upstreamOf(run);
    if (upstream === null) return null;
    const { path, readyTimeoutMs: _, ...shape } = service.config.health;
    return this.#o.prober.health(path, shape, upstream, ANSWER_MS);
  }

  async #look(watched: Watched, fence: number): Promise<void> {
    const cause = (await this.#illHealth(watched)) ?? (await this.#burning(watched));
    if (cause === null) return;
    const { releaseId, rollout } = watched;
    // Whatever comes of it: the next decision needs evidence of its own.
    this.#seen.delete(keyOf(cause.kind, watched));
    try {
      await (rollout ? this.#turnBack(watched, rollout, cause, fence) : this.#goBack(watched, cause, fence));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#o.log.warn({ releaseId, problem: error.message }, "a release that does harm can't be left");
    }
  }

  /** Takes one look in; answers the cause once it has lasted for too long. */
  #takeIn(kind: Cause["kind"], watched: Watched, health: Health): Cause | null {
    const { unhealthyMs: allowedMs } = rollbackPolicyOf(watched.service);
    const key = keyOf(kind, watched);
    const ailing = lookAt(this.#seen.get(key) ?? WELL, health, this.#o.clock.monotonic(), allowedMs);
    this.#seen.set(key, ailing);
    return isToGoBack(ailing, allowedMs) ? { kind, ailing } : null;
  }

  async #illHealth(watched: Watched): Promise<Cause | null> {
    const { service, environment, releaseId } = watched;
    if (!rollbackPolicyOf(service).whenUnhealthy) return null;
    const health = await this.#healthOf(service, { releaseId, environment: environment.name });
    return health && this.#takeIn("health", watched, health);
  }

  /** A look that nobody could take counts neither as well nor as burning. */
  async #burning(watched: Watched): Promise<Cause | null> {
    const { service, environment, askedMs, releaseId } = watched;
    if (!rollbackPolicyOf(service).whenBurning) return null;
    const rates = this.#o.burnRatesOf(service);
    const read = this.#burns.take(keyOf("burning", watched), () => rates.burning(service.name, environment.name));
    if (read?.kind !== "known") return null;
    const health: Health = { state: read.isBurning ? "unhealthy" : "healthy", words: read.words };
    const cause = this.#takeIn("burning", watched, health);
    if (cause === null) return null;
    const before = await rates.burning(service.name, environment.name, askedMs);
    if (before.kind === "unavailable" || !before.isBurning) return cause;
    // It may be the very release that mends it.
    this.#seen.delete(keyOf("burning", watched));
    this.#o.log.warn({ releaseId, before: before.words }, "a service burns, and did before this release: it stays");
    return null;
  }

  /** The old release still runs: where it is as ill, the cause is elsewhere and going back helps nobody. */
  async #turnBack({ service, releaseId }: Watched, rollout: RolloutRow, cause: Cause, fence: number): Promise<void> {
    const old = await this.#healthOf(service, {
      releaseId: rollout.baseline_release_id ?? "",
      environment: rollout.environment,
    });
    if (old === null || old.state === "unhealthy") {
      this.#o.log.warn(
        { releaseId, old: old?.words },
        "a release does harm, but the one before is unhealthy: it stays",
      );
      return;
    }
    const event = {
      kind: "roll_back" as const,
      atMs: this.#o.clock.now(),
      actor: SYSTEM_ACTOR,
      reason: reasonOf(service, cause),
    };
    const outcome = await this.#o.database.transaction(async (tx) =>
      (await this.#o.lease.guards(tx, fence)) ? applyWithin(tx, rollout.id, { kind: "event", event }) : null,
    );
    if (!outcome?.ok) return;
    this.#o.onRerouted();
    this.#o.onChanged(rollout.id);
  }

  /** After the rollout the old release may have to be started again; it must be ready before visitors are sent there. */
  async #goBack({ service, environment, releaseId }: Watched, cause: Cause, fence: number): Promise<void> {
    const { looks, unhealthyLooks, unhealthyMs, words } = cause.ailing;
    const { whenBurning } = rollbackPolicyOf(service);
    const asked = cause.kind === "health" ? { healthPath: service.config.health.path } : { whenBurning };
    await rollBack(
      this.#o.database,
      {
        service,
        environment: environment.name,
        reason: reasonOf(service, cause),
        actor: SYSTEM_ACTOR,
        automatic: {
          leaves: releaseId,
          evidence: { ...asked, looks, unhealthyLooks, unhealthyMs, words },
          guards: (tx) => this.#o.lease.guards(tx, fence),
        },
        nowMs: this.#o.clock.now(),
        hasArtifact: this.#o.hasArtifact,
      },
      async () => {},
    );
    this.#o.wake();
  }
}

const placeKey = (place: { project: string; service: string; environment: string }): string =>
  `${place.project}/${place.service}/${place.environment}`;
const placeOf = ({ project, service, name: environment }: EnvironmentRow) => ({ project, service, environment });

/** The new release of a rollout, once visitors are sent to it and there is an old one. */
function inRollout(service: ServiceRow, environment: EnvironmentRow, rollout: RolloutRow): Watched | null {
  const { whenUnhealthy, whenBurning } = rollbackPolicyOf(service);
  const isServing = ["progressing", "paused", "promoting", "holdback"].includes(rollout.machine.state);
  if (!isServing || rollout.baseline_release_id === null || (!whenUnhealthy && !whenBurning)) return null;
  return {
    ...{ service, environment, rollout, releaseId: rollout.canary_release_id },
    askedMs: rollout.started_at.getTime(),
  };
}

const keyOf = (kind: Cause["kind"], { releaseId, environment }: Watched): string =>
  `${kind}/${releaseId}/${environment.name}`;

function reasonOf(service: ServiceRow, { kind, ailing: a }: Cause): string {
  const [was, what] =
    kind === "health" ? ["was unhealthy", `${service.config.health.path} `] : ["burned its error budget", ""];
  return `it ${was} for ${Math.round(a.unhealthyMs / 1_000)} s: ${what}${a.words} (${a.unhealthyLooks} of ${a.looks} looks).`;
}
