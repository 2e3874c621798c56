import type { Answer } from "@latchkey/api/client";
import type { BurnReading } from "@latchkey/core/delivery/burning";
import { sql } from "kysely";
import { changesBackTo, findEnvironment, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { activeDeployments, type ChangeRow } from "./deployments.store.ts";
import { FORWARD, whyContracted } from "./migrations.ts";
import { findPause, listPauses, type PauseRow } from "./pauses.store.ts";
import { presentRelease } from "./presentation.ts";
import { isHeld } from "./queue.ts";
import { findReleases } from "./releases.store.ts";
import { planFlags } from "./rollback-flags.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { findActiveRollout, type ListedRollout } from "./rollouts.store.ts";

export type RollbackPlan = Answer<"planRollback">;
/** So many releases that served are offered; their files are kept. */
const CANDIDATES_MAX = 20;
/** Deployments that are looked through for them. */
const LOOKED_THROUGH = 400;
const CHANGES_MAX = 100;
/** Fields of the configuration that a sentence names. */
const FIELDS_NAMED = 8;

interface ServedRow {
  readonly deployment_id: string;
  readonly release_id: string;
  readonly served_from: Date;
  readonly served_until: Date | null;
  readonly changes: readonly ChangeRow[];
}

/**
 * The deployments that an environment's visitors were all served by, newest first, with the time until the next one. By their
 * ends: what waited after a rollback was asked for long before it served.
 */
async function servedIn(db: Executor, service: ServiceRow, environment: string): Promise<ServedRow[]> {
  const found = await sql<ServedRow>`select id as deployment_id, release_id, finished_at as served_from, changes,
      lead(finished_at) over (order by finished_at, id) as served_until
    from deployment where project = ${service.project} and service = ${service.name} and environment = ${environment}
      and status = 'succeeded' and release_id is not null and carrier_id is null
    order by finished_at desc, id desc limit ${LOOKED_THROUGH}`.execute(db);
  return found.rows;
}

/** What a rollback comes to, as the route and the plan agree on it. */
export interface Way {
  readonly active: ListedRollout | null;
  readonly servingId: string | null;
  readonly targetId: string | null;
  readonly how: RollbackPlan["how"];
  readonly served: readonly ServedRow[];
  /** Of each release the newest time that it served, without the one that does. */
  readonly candidates: readonly ServedRow[];
}
export interface Asked {
  readonly environment: string;
  readonly releaseId?: string | undefined;
}

/** Where a rollback leads to. Refuses a release that never served all visitors here. */
export async function wayBack(db: Executor, service: ServiceRow, asked: Asked, nowMs: number): Promise<Way> {
  const place = [service.project, service.name, asked.environment] as const;
  const environment = await findEnvironment(db, ...place);
  if (!environment)
    throw new ProblemError("LK_INVALID", {
      detail: `${service.name} has no environment "${asked.environment}" (it has ${service.config.environments.join(", ")}).`,
      fields: [{ field: "environment", message: `one of ${service.config.environments.join(", ")}` }],
    });
  const found = await findActiveRollout(db, ...place);
  const active = found && found.machine.state !== "rolling_back" && found.baseline_release_id !== null ? found : null;
  const servingId = environment.serving_release_id;
  const served = await servedIn(db, service, asked.environment);
  const newest = new Map<string, ServedRow>();
  for (const row of served) if (!newest.has(row.release_id)) newest.set(row.release_id, row);
  // While a rollout is under way, the release that serves is what it goes back to.
  const candidates = [...newest.values()]
    .filter((row) => active !== null || row.release_id !== servingId)
    .slice(0, CANDIDATES_MAX);
  const targetId = asked.releaseId ?? active?.baseline_release_id ?? candidates[0]?.release_id ?? null;
  const common = { active, servingId, targetId, served, candidates };
  if (targetId === null) return { ...common, how: null };
  if (active && targetId === active.baseline_release_id) return { ...common, how: "rollout" };
  const target = candidates.find((row) => row.release_id === targetId);
  if (!target) {
    const detail =
      targetId === servingId
        ? "This release is what the environment serves."
        : `Release "${targetId}" is none of the last ${CANDIDATES_MAX} that served all visitors in ${asked.environment}.`;
    throw new ProblemError("LK_INVALID", {
      detail,
      fields: [{ field: "releaseId", message: "one of the candidates of the rollback's plan" }],
      remedy: `\`latchkey rollback ${service.name} --plan\` lists them; \`latchkey ship --release\` deploys any other, with gates and analysis.`,
    });
  }
  const isLate = nowMs - (target.served_until?.getTime() ?? nowMs) > rollbackPolicyOf(service).windowMs;
  return { ...common, how: isLate ? "judged" : "all_at_once" };
}

/** When the release that is gone back to was last promoted; null where that is too long ago to be known. */
export const promotedAt = (way: Way): Date | null =>
  way.served.find((row) => row.release_id === way.targetId)?.served_from ?? null;

const undoneRows = (way: Way): readonly ServedRow[] =>
  way.how === null
    ? []
    : way.served.slice(
        0,
        Math.max(
          0,
          way.served.findIndex((row) => row.release_id === way.targetId),
        ),
      );
/** The deployments whose releases are left, the one of a rollout under way included. */
export const undoneBy = (way: Way): string[] => [
  ...(way.active ? [way.active.deployment_id] : []),
  ...undoneRows(way).map((row) => row.deployment_id),
];

export async function planRollback(
  db: Executor,
  service: ServiceRow,
  asked: Asked,
  o: {
    readonly nowMs: number;
    readonly hasArtifact: (digest: string) => Promise<boolean>;
    readonly burning: () => Promise<BurnReading>;
  },
): Promise<RollbackPlan> {
  const way = await wayBack(db, service, asked, o.nowMs);
  const undone = undoneRows(way);
  const undoneIds = [
    ...new Set([...(way.active ? [way.active.canary_release_id] : []), ...undone.map((r) => r.release_id)]),
  ];
  const releases = await findReleases(db, [
    way.servingId,
    way.targetId,
    ...undoneIds,
    ...way.candidates.map((row) => row.release_id),
  ]);
  const shown = (id: string | null) => {
    const row = releases.get(id ?? "");
    return row ? presentRelease(row) : null;
  };
  const { windowMs } = rollbackPolicyOf(service);
  const candidates: RollbackPlan["candidates"] = [];
  for (const row of way.candidates) {
    const release = releases.get(row.release_id);
    if (!release) continue;
    candidates.push({
      release: presentRelease(release),
      servedFrom: row.served_from.toISOString(),
      servedUntil: row.served_until?.toISOString() ?? null,
      inWindow: o.nowMs - (row.served_until?.getTime() ?? o.nowMs) <= windowMs,
      filesKept: await o.hasArtifact(release.digest),
    });
  }
  const changes = new Map(
    undone.flatMap((row) => row.changes.map((change) => [change.commit, { ...change }] as const)),
  );
  const pause = await findPause(db, service.project, service.name, asked.environment);
  const target = shown(way.targetId);
  const at = promotedAt(way);
  const configuration = at === null ? null : await changesBackTo(db, service, at);
  const { environment } = asked;
  const flags = way.how === null ? null : await planFlags(db, { project: service.project, environment }, undoneBy(way));
  return {
    service: service.name,
    environment,
    serving: shown(way.servingId),
    target,
    how: way.how,
    words: wordsOf(way, target?.number ?? null),
    undoes: undoneIds.flatMap((id) => shown(id) ?? []),
    changes: [...changes.values()].slice(0, CHANGES_MAX),
    cautions:
      way.how === null
        ? []
        : await cautionsOf(db, service, way, {
            ...{ environment, configuration, flags },
            burning: await o.burning(),
          }),
    configuration,
    flags,
    candidates,
    pause: pause ? ((await presentPauses(db, [pause]))[0] ?? null) : null,
  };
}

function wordsOf(way: Way, number: number | null): string {
  if (way.how === null) return "There is nothing to go back to: no other release has served all visitors here.";
  if (way.how === "rollout")
    return `The rollout under way goes back to release ${number}, which still runs: all visitors are served by it within seconds.`;
  if (way.how === "all_at_once")
    return `Release ${number} is started and then serves all visitors at once, without gates and analysis: it served lately.`;
  return `Release ${number} goes through the gates and the configured strategy: it served too long ago to be taken unseen.`;
}

/** What stays as it is. The definition of a service is applied, not deployed; the schema of a database nobody takes back. */
async function cautionsOf(
  db: Executor,
  service: ServiceRow,
  way: Way,
  known: {
    readonly environment: string;
    readonly configuration: RollbackPlan["configuration"];
    readonly flags: RollbackPlan["flags"];
    readonly burning: BurnReading;
  },
): Promise<string[]> {
  const { environment, configuration, flags, burning } = known;
  const place = { project: service.project, service: service.name, environment };
  const contracted = way.targetId === null ? null : await whyContracted(db, place, way.targetId);
  const fields = (configuration ?? []).map(({ path }) => path);
  const more = fields.length > FIELDS_NAMED ? ` and ${fields.length - FIELDS_NAMED} more` : "";
  return [
    ...(configuration === null && way.targetId !== null
      ? [
          `What was configured for ${service.name} when this release was promoted is not kept. The rollback leaves it as it is.`,
        ]
      : []),
    ...(fields.length > 0
      ? [
          `The configuration of ${service.name} has changed since this release was promoted: ${fields.slice(0, FIELDS_NAMED).join(", ")}${more}. A rollback leaves it as it is, unless it is asked for with its configuration.`,
        ]
      : []),
    ...(flags && flags.items.length > 0
      ? [`${flags.words} A rollback leaves flags as they are, unless it is asked for with them.`]
      : []),
    ...(burning.kind === "known"
      ? burning.isBurning
        ? [`${service.name} burns its error budget: ${burning.words}.`]
        : []
      : [`Whether ${service.name} burns its error budget is not watched: ${burning.words}`]),
    ...(contracted === null
      ? [
          "Latchkey does not know what was changed by hand in the service's database since. Make sure that this release can work with its schema.",
        ]
      : [
          `LK_SCHEMA_CONTRACTED: ${contracted.file} has taken away what this release reads. This rollback is refused. ${FORWARD}`,
        ]),
  ];
}

export async function presentPauses(
  db: Executor,
  rows: readonly PauseRow[],
): Promise<Answer<"listDeploymentPauses">["items"]> {
  const releases = await findReleases(
    db,
    rows.map((row) => row.release_id),
  );
  const waiting =
    rows.length > 0
      ? (await activeDeployments(db)).filter((d) => ["building", "gating", "queued"].includes(d.status))
      : [];
  return rows.map((row) => {
    const left = releases.get(row.release_id ?? "");
    return {
      service: row.service,
      environment: row.environment,
      since: row.since.toISOString(),
      pausedBy: row.paused_by.name,
      reason: row.reason,
      leftRelease: left ? presentRelease(left) : null,
      waiting: waiting.filter(
        (d) =>
          d.project === row.project && d.service === row.service && d.environment === row.environment && isHeld(d, row),
      ).length,
    };
  });
}

export const viewPauses = async (db: Executor, project: string) => presentPauses(db, await listPauses(db, project));
