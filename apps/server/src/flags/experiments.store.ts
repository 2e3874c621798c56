import type { Arm } from "@latchkey/core/flags/buckets";
import type { ArmCounts, Arms, MetricCounts } from "@latchkey/core/flags/experiment";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Runs of rollouts as experiments: who met the flag, what happened to them, and the sums of both. */
export interface RunRow {
  readonly id: number;
  readonly project: string;
  readonly flag: string;
  readonly environment: string;
  readonly rule: string;
  readonly fingerprint: string;
  readonly started_at: Date;
}
const RUN = sql`id::float8 as id, project, flag, environment, rule, fingerprint, started_at`;

/** The runs that go on in a project. */
export const currentRuns = operation("currentRuns", async (db: Executor, project: string): Promise<RunRow[]> => {
  const found = await sql<RunRow>`select ${RUN} from flag_run where project = ${project} and ended_at is null`.execute(
    db,
  );
  return found.rows;
});

/** The run of a rollout that goes on; begins one where there is none. Another's comparison is answered as it is. */
export const takeRun = operation(
  "takeRun",
  async (tx: Executor, of: Omit<RunRow, "id" | "started_at">): Promise<RunRow> => {
    const find = () =>
      sql<RunRow>`select ${RUN} from flag_run where project = ${of.project} and flag = ${of.flag}
        and environment = ${of.environment} and rule = ${of.rule} and ended_at is null`.execute(tx);
    const known = (await find()).rows[0];
    if (known) return known;
    await sql`insert into flag_run (project, flag, environment, rule, fingerprint)
      values (${of.project}, ${of.flag}, ${of.environment}, ${of.rule}, ${of.fingerprint})
      on conflict (project, flag, environment, rule) where ended_at is null do nothing`.execute(tx);
    const made = (await find()).rows[0];
    if (!made) throw new Error(`The run of ${of.flag} ended while it began.`);
    return made;
  },
);

/** Ends the run of a rollout, unless it compares what is to be compared. */
export const endRun = operation(
  "endRun",
  async (
    tx: Executor,
    of: Pick<RunRow, "project" | "flag" | "environment" | "rule">,
    unless: string | null,
  ): Promise<void> => {
    await sql`update flag_run set ended_at = now() where project = ${of.project} and flag = ${of.flag}
      and environment = ${of.environment} and rule = ${of.rule} and ended_at is null
      and (${unless}::text is null or fingerprint <> ${unless})`.execute(tx);
  },
);

export interface NewExposure {
  readonly run: number;
  readonly keyHash: Buffer;
  readonly arm: Arm;
  readonly depth: number;
  readonly at: Date;
}
/** Notes who met the flag, each once; counts those that are new, and answers them. */
export const insertExposures = operation(
  "insertExposures",
  async (tx: Executor, rows: readonly NewExposure[]): Promise<NewExposure[]> => {
    if (rows.length === 0) return [];
    const sorted = [...rows].sort((a, b) => a.run - b.run || a.keyHash.compare(b.keyHash));
    const found = await sql<{ run: number; key_hash: Buffer }>`with given as (
        select * from unnest(${sorted.map((row) => row.run)}::bigint[], ${sorted.map((row) => row.keyHash)}::bytea[],
          ${sorted.map((row) => row.arm)}::text[], ${sorted.map((row) => row.depth)}::integer[],
          ${sorted.map((row) => row.at)}::timestamptz[]) as g (run, key_hash, arm, depth, at)),
      added as (insert into flag_exposure (run, key_hash, arm, depth, at) select * from given
        on conflict (run, key_hash) do nothing returning run, key_hash, arm),
      counted as (insert into flag_arm_count (run, arm, metric, users) select run, arm, '', count(*) from added group by run, arm
        order by run, arm
      on conflict (run, arm, metric) do update set users = flag_arm_count.users + excluded.users)
      select run::float8 as run, key_hash from added`.execute(tx);
    const added = new Set(found.rows.map((row) => `${row.run}/${row.key_hash.toString("base64")}`));
    return rows.filter((row) => added.has(`${row.run}/${row.keyHash.toString("base64")}`));
  },
);

export interface ExposureRow {
  readonly run: number;
  readonly key_hash: Buffer;
  readonly arm: Arm;
  readonly depth: number;
  readonly at: Date;
  readonly flag: string;
  readonly rule: string;
  readonly fingerprint: string;
}
/** Where these users are of an arm now. */
export const exposuresOf = operation(
  "exposuresOf",
  async (tx: Executor, project: string, environment: string, keyHashes: readonly Buffer[]): Promise<ExposureRow[]> => {
    const found = await sql<ExposureRow>`select e.run::float8 as run, e.key_hash, e.arm, e.depth, e.at, r.flag, r.rule,
        r.fingerprint from flag_exposure e join flag_run r on r.id = e.run
      where e.key_hash = any(${keyHashes}::bytea[]) and r.project = ${project} and r.environment = ${environment}
        and r.ended_at is null`.execute(tx);
    return found.rows;
  },
);

export interface NewOutcome {
  readonly run: number;
  readonly arm: Arm;
  readonly metric: string;
  readonly keyHash: Buffer;
  readonly bad: number;
  readonly total: number;
  readonly events: number;
}
/** Notes what happened to users; a user counts as hit once. */
export const addOutcomes = operation(
  "addOutcomes",
  async (tx: Executor, rows: readonly NewOutcome[]): Promise<void> => {
    if (rows.length === 0) return;
    const sorted = [...rows].sort(
      (a, b) => a.run - b.run || a.metric.localeCompare(b.metric) || a.keyHash.compare(b.keyHash),
    );
    await sql`with given as (
        select * from unnest(${sorted.map((row) => row.run)}::bigint[], ${sorted.map((row) => row.metric)}::text[],
          ${sorted.map((row) => row.keyHash)}::bytea[], ${sorted.map((row) => row.arm)}::text[],
          ${sorted.map((row) => row.bad)}::integer[], ${sorted.map((row) => row.total)}::float8[],
          ${sorted.map((row) => row.events)}::integer[]) as g (run, metric, key_hash, arm, bad, total, events)),
      kept as (insert into flag_outcome as o (run, metric, key_hash, bad, total)
        select run, metric, key_hash, bad, total from given where bad > 0 or total <> 0
        on conflict (run, metric, key_hash) do update set bad = least(1000000, o.bad + excluded.bad),
          total = o.total + excluded.total
        returning run, metric, key_hash, bad, total, xmax = 0 as is_new),
      sums as (select g.run, g.arm, g.metric, sum(g.events) as events,
          count(*) filter (where k.is_new) as users,
          count(*) filter (where g.bad > 0 and k.bad = g.bad) as hit,
          coalesce(sum(g.total), 0) as total,
          coalesce(sum(k.total * k.total - (k.total - g.total) * (k.total - g.total)), 0) as squares
        from given g left join kept k using (run, metric, key_hash) group by g.run, g.arm, g.metric)
      insert into flag_arm_count (run, arm, metric, users, hit, events, total, squares)
        select run, arm, metric, users, hit, events, total, squares from sums order by run, arm, metric
      on conflict (run, arm, metric) do update set users = flag_arm_count.users + excluded.users,
        hit = flag_arm_count.hit + excluded.hit, events = flag_arm_count.events + excluded.events,
        total = flag_arm_count.total + excluded.total, squares = flag_arm_count.squares + excluded.squares`.execute(tx);
  },
);

interface CountRow extends MetricCounts {
  readonly run: number;
  readonly arm: Arm;
  readonly metric: string;
}
const NOBODY: ArmCounts = { exposed: 0, metrics: {} };
export const NO_ARMS: Arms = { treated: NOBODY, control: NOBODY };

/** The sums of runs. */
export const armsOf = operation(
  "armsOf",
  async (db: Executor, runs: readonly number[]): Promise<ReadonlyMap<number, Arms>> => {
    const found =
      await sql<CountRow>`select run::float8 as run, arm, metric, users::float8 as users, hit::float8 as hit,
        events::float8 as events, total, squares from flag_arm_count where run = any(${runs}::bigint[])
      order by run, arm, metric`.execute(db);
    const arm = (of: readonly CountRow[]): ArmCounts => ({
      exposed: of.find((row) => row.metric === "")?.users ?? 0,
      metrics: Object.fromEntries(
        of
          .filter((row) => row.metric !== "")
          .map(({ metric, users, hit, events, total, squares }) => [metric, { users, hit, events, total, squares }]),
      ),
    });
    const byRun = new Map<number, CountRow[]>(runs.map((run) => [run, []]));
    for (const row of found.rows) byRun.get(row.run)?.push(row);
    return new Map(
      runs.map((run) => {
        const rows = byRun.get(run) ?? [];
        const of = (name: Arm) => arm(rows.filter((row) => row.arm === name));
        return [run, { treated: of("treated"), control: of("control") }];
      }),
    );
  },
);

export interface PointRow {
  readonly at: Date;
  readonly percent: number;
  readonly arms: Arms;
}
export const savePoint = operation(
  "savePoint",
  async (tx: Executor, run: number, percent: number, arms: Arms): Promise<void> => {
    await sql`insert into flag_run_point (run, at, percent, arms) values (${run}, now(), ${percent},
      ${JSON.stringify(arms)}::jsonb) on conflict do nothing`.execute(tx);
  },
);
export const pointsOf = operation("pointsOf", async (db: Executor, run: number): Promise<PointRow[]> => {
  const found = await sql<PointRow>`select at, percent::float8 as percent, arms from flag_run_point where run = ${run}
    order by at`.execute(db);
  return found.rows;
});
/** When each run's last point was saved. */
export const lastPoints = operation(
  "lastPoints",
  async (db: Executor, runs: readonly number[]): Promise<ReadonlyMap<number, Date>> => {
    const found = await sql<{ run: number; at: Date }>`select run::float8 as run, max(at) as at from flag_run_point
      where run = any(${runs}::bigint[]) group by run`.execute(db);
    return new Map(found.rows.map((row) => [row.run, row.at]));
  },
);

/** How many users came to the smaller arm in the last day, or since the run began if that is less; per day. */
export const exposedPerDay = operation("exposedPerDay", async (db: Executor, run: number): Promise<number> => {
  const found = await sql<{ n: number }>`select count(*) / 2.0 / least(1, greatest(1.0 / 144,
      extract(epoch from now() - min(r.started_at)) / 86400))::float8 as n
    from flag_exposure e join flag_run r on r.id = e.run
    where e.run = ${run} and e.at > now() - interval '1 day'`.execute(db);
  return Number(found.rows[0]?.n ?? 0);
});

/** Deletes users' hashes whose time is over; the sums stay. Answers how many exposures went. */
export const pruneExposures = operation(
  "pruneExposures",
  async (
    tx: Executor,
    o: { readonly endedDays: number; readonly days: number; readonly most: number },
  ): Promise<number> => {
    const gone = await sql<{ n: number }>`with old as (
        select e.run, e.key_hash from flag_exposure e join flag_run r on r.id = e.run
        where r.ended_at < now() - make_interval(days => ${o.endedDays}) or e.at < now() - make_interval(days => ${o.days})
        limit ${o.most}),
      outcomes as (delete from flag_outcome u using old where u.run = old.run and u.key_hash = old.key_hash),
      exposures as (delete from flag_exposure e using old where e.run = old.run and e.key_hash = old.key_hash returning 1)
      select count(*)::integer as n from exposures`.execute(tx);
    return gone.rows[0]?.n ?? 0;
  },
);

export interface VariantCount {
  readonly flag: string;
  readonly variant: string;
  readonly evaluations: number;
  readonly exposures: number;
}
/** Adds to what was served and met today. */
export const addVariantCounts = operation(
  "addVariantCounts",
  async (tx: Executor, project: string, environment: string, counts: readonly VariantCount[]): Promise<void> => {
    if (counts.length === 0) return;
    const sorted = [...counts].sort((a, b) => a.flag.localeCompare(b.flag) || a.variant.localeCompare(b.variant));
    await sql`insert into flag_variant_day (project, flag, environment, day, variant, evaluations, exposures)
      select ${project}, g.flag, ${environment}, (now() at time zone 'UTC')::date, g.variant, g.evaluations, g.exposures
      from unnest(${sorted.map((c) => c.flag)}::text[], ${sorted.map((c) => c.variant)}::text[],
        ${sorted.map((c) => c.evaluations)}::bigint[], ${sorted.map((c) => c.exposures)}::bigint[])
        as g (flag, variant, evaluations, exposures)
      join flag f on f.project = ${project} and f.key = g.flag
      on conflict (project, flag, environment, day, variant) do update set
        evaluations = flag_variant_day.evaluations + excluded.evaluations,
        exposures = flag_variant_day.exposures + excluded.exposures`.execute(tx);
  },
);

export interface ServedRow {
  readonly flag: string;
  readonly environment: string;
  readonly variant: string;
  readonly evaluations: number;
  readonly exposures: number;
}
/** What was served and met in the last `days` days, today among them. */
export const servedOf = operation(
  "servedOf",
  async (db: Executor, project: string, flags: readonly string[], days: number): Promise<ServedRow[]> => {
    const found = await sql<ServedRow>`select flag, environment, variant, sum(evaluations)::float8 as evaluations,
        sum(exposures)::float8 as exposures from flag_variant_day
      where project = ${project} and flag = any(${flags}::text[])
        and day > (now() at time zone 'UTC')::date - ${days}::integer
      group by flag, environment, variant order by flag, environment, variant`.execute(db);
    return found.rows;
  },
);
export const pruneVariantDays = operation("pruneVariantDays", async (tx: Executor, days: number): Promise<void> => {
  await sql`delete from flag_variant_day where day < (now() at time zone 'UTC')::date - ${days}::integer`.execute(tx);
});

export interface EarlyEvent {
  readonly key_hash: Buffer;
  readonly metric: string;
  readonly is_bad: boolean | null;
  readonly value: number | null;
  readonly at: Date;
}
/** Keeps what happened to users of whom nobody has told yet that they met a flag. */
export const insertEarlyEvents = operation(
  "insertEarlyEvents",
  async (tx: Executor, project: string, environment: string, rows: readonly EarlyEvent[]): Promise<void> => {
    if (rows.length === 0) return;
    await sql`insert into flag_early_event (project, environment, key_hash, metric, is_bad, value, at)
      select ${project}, ${environment}, g.* from unnest(${rows.map((row) => row.key_hash)}::bytea[],
        ${rows.map((row) => row.metric)}::text[], ${rows.map((row) => row.is_bad)}::boolean[],
        ${rows.map((row) => row.value)}::float8[], ${rows.map((row) => row.at)}::timestamptz[])
        as g (key_hash, metric, is_bad, value, at)`.execute(tx);
  },
);
export const earlyEventsOf = operation(
  "earlyEventsOf",
  async (tx: Executor, project: string, environment: string, keyHashes: readonly Buffer[]): Promise<EarlyEvent[]> => {
    if (keyHashes.length === 0) return [];
    const found = await sql<EarlyEvent>`select key_hash, metric, is_bad, value, at from flag_early_event
      where key_hash = any(${keyHashes}::bytea[]) and project = ${project} and environment = ${environment}
      order by id`.execute(tx);
    return found.rows;
  },
);
export const pruneEarlyEvents = operation("pruneEarlyEvents", async (tx: Executor, olderMs: number): Promise<void> => {
  await sql`delete from flag_early_event where arrived_at < now() - make_interval(secs => ${olderMs / 1_000})`.execute(
    tx,
  );
});
