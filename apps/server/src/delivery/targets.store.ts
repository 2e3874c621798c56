import type { ProviderDeploy } from "@latchkey/api/targets";
import type { Generation } from "@latchkey/core/delivery/generation";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** An environment whose traffic its own target splits. */
export interface Place {
  readonly project: string;
  readonly service: string;
  readonly environment: string;
}
export interface ServedArm {
  readonly arm: string;
  readonly releaseId: string;
  readonly release: string;
  readonly address: string;
  readonly trafficPercent: number;
}
export interface RouteRow extends Place {
  readonly kind: string;
  readonly asked_epoch: number;
  readonly asked_n: number;
  /** What the target has acknowledged last; null before the first time. */
  readonly served_epoch: number | null;
  readonly served_n: number | null;
  readonly served_arms: readonly ServedArm[];
  readonly served_at: Date | null;
  readonly error: string | null;
  readonly error_at: Date | null;
  readonly notes: readonly string[];
  /** What was seen at the provider last. */
  readonly deploys: readonly ProviderDeploy[];
}

/** Written before the target is spoken to. False where a newer generation was asked for already. */
export const askForRoute = operation(
  "askForRoute",
  async (tx: Executor, place: Place, kind: string, { epoch, n }: Generation): Promise<boolean> => {
    const asked = await sql`insert into target_route as r (project, service, environment, kind, asked_epoch, asked_n)
    values (${place.project}, ${place.service}, ${place.environment}, ${kind}, ${epoch}, ${n})
    on conflict (project, service, environment) do update set kind = excluded.kind, asked_epoch = excluded.asked_epoch, asked_n = excluded.asked_n,
      asked_at = case when (r.kind, r.asked_epoch, r.asked_n) is distinct from (excluded.kind, excluded.asked_epoch, excluded.asked_n) then now() else r.asked_at end,
      served_epoch = case when r.kind = excluded.kind then r.served_epoch end, served_n = case when r.kind = excluded.kind then r.served_n end
    where (r.asked_epoch, r.asked_n) <= (excluded.asked_epoch, excluded.asked_n)
    returning 1`.execute(tx);
    return asked.rows.length > 0;
  },
);

/** The target serves a generation: the newest that it said so of. The time is that of the first acknowledgement. */
export const saveServed = operation(
  "saveServed",
  async (
    db: Executor,
    place: Place,
    served: { readonly generation: Generation; readonly arms: readonly ServedArm[]; readonly notes: readonly string[] },
  ): Promise<void> => {
    const { epoch, n } = served.generation;
    await sql`update target_route set served_epoch = ${epoch}, served_n = ${n}, served_arms = ${JSON.stringify(served.arms)}::jsonb,
      served_at = case when (served_epoch, served_n) is not distinct from (${epoch}::integer, ${n}::integer) then served_at else now() end,
      error = null, error_at = null, failing_since = null, notes = ${JSON.stringify(served.notes)}::jsonb
    where project = ${place.project} and service = ${place.service} and environment = ${place.environment}
      and (served_epoch is null or (served_epoch, served_n) <= (${epoch}, ${n}))
      and ((served_epoch, served_n) is distinct from (${epoch}::integer, ${n}::integer) or error is not null
        or served_arms <> ${JSON.stringify(served.arms)}::jsonb or notes <> ${JSON.stringify(served.notes)}::jsonb)`.execute(
      db,
    );
  },
);

/** Why the last attempt did not succeed; the time is that of the first one with these words. */
export const saveRouteError = operation(
  "saveRouteError",
  async (db: Executor, place: Place, words: string, notes: readonly string[]): Promise<void> => {
    await sql`update target_route set error = ${words}, error_at = now(), failing_since = coalesce(failing_since, now()),
      notes = ${JSON.stringify(notes)}::jsonb
    where project = ${place.project} and service = ${place.service} and environment = ${place.environment}
      and (error is distinct from ${words} or failing_since is null)`.execute(db);
  },
);

export const findRoute = operation("findRoute", async (db: Executor, place: Place): Promise<RouteRow | null> => {
  const found = await sql<RouteRow>`select * from target_route where project = ${place.project}
    and service = ${place.service} and environment = ${place.environment}`.execute(db);
  return found.rows[0] ?? null;
});

/** One that fails for too long (`error`), and nobody was told yet; or one that does not any more (null), of which somebody was told. */
export interface FailingTarget extends Place {
  readonly kind: string;
  readonly error: string | null;
  /** How long it has failed, or did; in milliseconds. */
  readonly ms: number;
}
export const failingTargets = operation(
  "failingTargets",
  async (tx: Executor, afterMs: number): Promise<FailingTarget[]> => {
    const found = await sql<FailingTarget>`select project, service, environment, kind, error,
      round(extract(epoch from now() - coalesce(failing_since, told_failing_at)) * 1000)::double precision as ms
    from target_route
    where (told_failing_at is null and failing_since < now() - make_interval(secs => ${afterMs / 1_000}))
      or (told_failing_at is not null and error is null)
    order by project, service, environment`.execute(tx);
    return found.rows;
  },
);
/** `told_failing_at` keeps when the outage began: its length is told with its end. */
export const noteToldFailing = operation(
  "noteToldFailing",
  async (tx: Executor, place: Place, isFailing: boolean): Promise<void> => {
    await sql`update target_route set told_failing_at = case when ${isFailing} then failing_since end
      where project = ${place.project} and service = ${place.service} and environment = ${place.environment}`.execute(
      tx,
    );
  },
);
