import { peaksOf } from "@latchkey/core/shared/merkle";
import pg from "pg";
import { pino } from "pino";
import { NODE_LEVEL_MIN } from "../../apps/server/src/ledger/ledger.store.ts";
import { ensurePostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import type { Bench } from "../figure.ts";
import type { Installation } from "../installation.ts";

/**
 * A year of history, put behind what an installation did itself: its own deployments that ended are told again and again,
 * with ids, numbers and times of their own. The copies are made by SQL; each row has the form that the server gave it, and
 * the ledger's tree is computed by PostgreSQL, so that `verifyLedger` and the verifier find it whole.
 */
export interface Size {
  readonly entries: number;
  /** Beside the installation's own. */
  readonly services: number;
}
export interface History {
  /** All entries of the ledger, the installation's own among them. */
  readonly entries: number;
  readonly deployments: number;
}

/** One in so many rollouts keeps its looks, 9 and more a rollout: the others would only fill the disk. */
const WITH_LOOKS_EVERY = 20;
/** Counters of gateways are kept a week: the share of a year's rollouts that still have them. */
const COUNTED_SHARE = 1 / 52;
/** More generations than a rollout of the stories takes. */
const GENERATIONS_EACH = 8;
const TOKENS = 500;

/** Of the installation's database, for the owner of the tables. */
export async function addressOf({ own }: Installation): Promise<string> {
  if (!own) throw new Error("The bench reads and writes the database of an installation of its own, and of no other.");
  const { url } = await ensurePostgres({ dir: own.dir, log: pino({ level: "silent" }) });
  const address = new URL(url);
  address.pathname = "/latchkey";
  return address.toString();
}

export async function makeHistory(bench: Bench, installation: Installation, size: Size): Promise<History> {
  const client = new pg.Client({ connectionString: await addressOf(installation) });
  await client.connect();
  const begun = performance.now();
  const told = (what: string) =>
    bench.say(`history: ${what} after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const number = async (query: string) => Number((await client.query<{ n: string }>(query)).rows[0]?.n);
  try {
    await client.query("begin");
    await client.query("set local synchronous_commit = off");
    await client.query("set local work_mem = '128MB'");
    // The sequencer waits meanwhile: the tree grows in one piece.
    await client.query("select size from ledger_tree for update");
    await client.query(STORIES);
    await client.query(madeOf(size));
    await client.query(CATALOG(size.services));
    await client.query(DELIVERY);
    told("deployments, releases and rollouts are there");
    await client.query(ENTRIES);
    told("entries are there");
    await growTree(client);
    told("the tree is there");
    await client.query("commit");
    await client.query("vacuum (analyze)");
    told("all is analysed");
    return {
      entries: await number("select size as n from ledger_tree"),
      deployments: await number("select count(*) as n from deployment"),
    };
  } finally {
    await client.end();
  }
}

/** What is told again: the newest deployment of each ending, with the entries that tell of it. */
const STORIES = `
create function pg_temp.id(prefix text, ms bigint, n bigint) returns text language sql immutable as $$
  select prefix || '_' || lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || left(md5(prefix || n), 15) $$;
create temp table story on commit drop as
  select row_number() over (order by status) - 1 as s, * from (
    select distinct on (status) status, id as dep, release_id as rel, rollout_id as rol, previous_release_id as previous
    from deployment where status in ('succeeded', 'rolled_back') and rollout_id is not null order by status, id desc) newest;
create temp table story_entry on commit drop as
  select s.s, row_number() over (partition by s.s order by e.sequence) - 1 as j, e.id, e.type, e.subject, e.project,
    regexp_replace(regexp_replace(e.canonical, '"recordedAt":"[^"]*","schemaVersion":(\\d+),"sequence":\\d+,', '"recordedAt":"@at@","schemaVersion":\\1,"sequence":@sequence@,'),
      '"occurredAt":"[^"]*"', '"occurredAt":"@at@"') as canonical
  from story s join ledger_entry e on e.subject in ('deployment/' || s.dep, 'release/' || s.rel, 'rollout/' || s.rol);`;

/** The copies: which story, whose service, which ids, when, and from which entry on. */
const madeOf = ({ entries, services }: Size) => `
create temp table made on commit drop as
with story_size as (select s, count(*) as size from story_entry group by s),
times as (select extract(epoch from min(created_at) - interval '1 hour') * 1000 as until from deployment),
total as (select ceil(${entries} / avg(size))::bigint as n, count(*) as stories from story_size)
select i, s.*, floor(until - 365 * 86400000.0 * (n - i) / n)::bigint as ms,
  case when i % 2 = 0 then 'leads' else 'archive-' || i % ${services} end as service_name,
  (select size from ledger_tree) + sum(size) over (order by i) - size as first_sequence
from total, times, generate_series(0, n - 1) i join story_size z on z.s = i % (select stories from total) join story s on s.s = z.s;
alter table made add dep2 text, add rel2 text, add rol2 text;
update made set dep2 = pg_temp.id('dep', ms, i), rel2 = pg_temp.id('rel', ms, i), rol2 = pg_temp.id('rol', ms, i);
create unique index on made (i);
analyze made;`;

const CATALOG = (services: number) => `
insert into service (project, name, config, config_digest, root)
  select project, 'archive-' || k, jsonb_set(config, '{name}', to_jsonb('archive-' || k)), md5('archive-' || k), root
  from service, generate_series(0, ${services - 1}) k where name = 'leads' on conflict do nothing;
insert into environment (project, service, name)
  select e.project, 'archive-' || k, e.name from environment e, generate_series(0, ${services - 1}) k where e.service = 'leads' on conflict do nothing;
insert into access_token (id, project, name, role, kind, secret_hash, created_at, expires_at)
  select pg_temp.id('tok', 1700000000000 + n, n), 'main', 'token ' || n, 'viewer', 'token', sha256(('token ' || n)::bytea), now(), now() + interval '90 days'
  from generate_series(1, ${TOKENS}) n on conflict do nothing;
insert into data_subject (id, created_at, erased_at)
  select pg_temp.id('sub', 1700000000000 + n, n), now(), now() from generate_series(1, ${TOKENS}) n on conflict do nothing;`;

const AT = "to_timestamp(m.ms / 1000.0)";
/** Generations of the history are of epoch 0: none of them is one that gateways know of. */
const GENERATION = (n: string) => `(m.i * ${GENERATIONS_EACH} + ${n} % ${GENERATIONS_EACH})::int`;
const DELIVERY = `
insert into release (id, project, service, number, digest, created_at, created_by, commit_sha, branch, message, author, dirty, fault, size_bytes, files)
  select m.rel2, r.project, m.service_name, (select max(number) from release) + m.i + 1, encode(sha256(m.rel2::bytea), 'hex'), ${AT},
    r.created_by, r.commit_sha, r.branch, r.message, r.author, r.dirty, r.fault, r.size_bytes, r.files
  from made m join release r on r.id = m.rel;
insert into deployment (id, project, service, environment, status, words, created_at, finished_at, created_by, reason, fault, strategy,
    if_busy, release_id, previous_release_id, rollout_id, gates, build_output, changes)
  select m.dep2, d.project, m.service_name, d.environment, d.status, d.words, ${AT}, ${AT} + (d.finished_at - d.created_at), d.created_by,
    d.reason, d.fault, d.strategy, d.if_busy, m.rel2, d.previous_release_id, m.rol2, d.gates, d.build_output, d.changes
  from made m join deployment d on d.id = m.dep;
insert into rollout (id, deployment_id, project, service, environment, machine, first_machine, policy, judge, report, decider_version,
    canary_release_id, baseline_release_id, generation_epoch, generation_n, shares, taken, step_count, evidence_sha256, started_at,
    finished_at, time_at_ms, time_seen_ms)
  select m.rol2, m.dep2, r.project, m.service_name, r.environment, jsonb_set(r.machine, '{id}', to_jsonb(m.rol2)),
    jsonb_set(r.first_machine, '{id}', to_jsonb(m.rol2)), r.policy, r.judge, r.report, r.decider_version, m.rel2, r.baseline_release_id,
    0, ${GENERATION("r.generation_n")},
    (select coalesce(jsonb_object_agg('0.' || ${GENERATION("split_part(key, '.', 2)::int")}, value), '{}') from jsonb_each(r.shares)),
    r.taken, r.step_count, r.evidence_sha256, ${AT}, ${AT} + (r.finished_at - r.started_at), r.time_at_ms, r.time_seen_ms
  from made m join rollout r on r.id = m.rol;
insert into rollout_step (rollout_id, n, at, recorded, summary, traffic_percent)
  select m.rol2, t.n, ${AT}, t.recorded, t.summary, t.traffic_percent
  from made m join rollout_step t on t.rollout_id = m.rol where m.i % ${WITH_LOOKS_EVERY} < 2;
insert into rollout_decision (rollout_id, n, at, decision, event_id)
  select m.rol2, t.n, ${AT}, t.decision, pg_temp.id('evt', m.ms + e.j, m.first_sequence::bigint + e.j)
  from made m join rollout_decision t on t.rollout_id = m.rol join story_entry e on e.s = m.s and e.id = t.event_id;
insert into arm_counter (gateway, boot, service, environment, generation_epoch, generation_n, release_id, arm, route_class, requests, errors,
    latency, page_views, page_errors, users, updated_at)
  select c.gateway, c.boot, m.service_name, c.environment, 0, ${GENERATION("c.generation_n")}, m.rel2,
    c.arm, c.route_class, c.requests, c.errors, c.latency, c.page_views, c.page_errors, c.users, ${AT}
  from made m join arm_counter c on c.release_id = m.rel
  where m.i > (select max(i) * (1 - ${COUNTED_SHARE}) from made) on conflict do nothing;`;

/** The entries of the stories with the copies' ids, numbers and times; keys stay in their order, so they stay canonical. */
const ENTRIES = `
create function pg_temp.retold(told text, m made) returns text language sql immutable as $$
  select replace(replace(replace(told, m.dep, m.dep2), m.rel, m.rel2), m.rol, m.rol2) $$;
insert into ledger_entry (sequence, id, type, subject, project, canonical, leaf_hash)
select sequence, id, type, subject, project, canonical, sha256('\\x00'::bytea || convert_to(canonical, 'UTF8')) from (
  select sequence, id, type, project, pg_temp.retold(subject, m) as subject,
    replace(replace(replace(pg_temp.retold(story, m), '@sequence@', sequence::text), '@at@',
      to_char(to_timestamp((m).ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), story_id, id) as canonical
  from (select m, m.first_sequence::bigint + e.j as sequence, pg_temp.id('evt', m.ms + e.j, m.first_sequence::bigint + e.j) as id,
      e.id as story_id, e.type, e.subject, e.project, e.canonical as story
    from made m join story_entry e on e.s = m.s) numbered offset 0) told order by sequence;`;

const LEVELS_MAX = 52;

/** The new nodes of each level from those of the level below, then the peaks: see core/shared/merkle. */
async function growTree(client: pg.Client): Promise<void> {
  const found = await client.query<{ old: string; size: string }>(
    "select t.size as old, (select max(sequence) + 1 from ledger_entry) as size from ledger_tree t",
  );
  const [old, size] = [Number(found.rows[0]?.old), Number(found.rows[0]?.size)];
  // All levels, of which the ledger keeps the upper ones; what was there before is made again where a new node is above it.
  await client.query(
    "create temp table node (level int, index bigint, hash bytea, primary key (level, index)) on commit drop",
  );
  await client.query("insert into node select 0, sequence, leaf_hash from ledger_entry order by sequence");
  for (let level = 1; level <= LEVELS_MAX && 2 ** level <= size; level++)
    await client.query(
      `insert into node
      select $1, l.index / 2, sha256('\\x01'::bytea || l.hash || r.hash)
      from node l join node r on r.level = l.level and r.index = l.index + 1
      where l.level = $1 - 1 and l.index % 2 = 0 order by l.index`,
      [level],
    );
  await client.query(
    "insert into ledger_node (level, index, hash) select level, index, hash from node where level >= $1 and (index + 1) * (1::bigint << level) > $2 order by level, index",
    [NODE_LEVEL_MIN, old],
  );
  const peaks = peaksOf(size);
  await client.query(
    `update ledger_tree set size = $1, peaks = (
      select array_agg(n.hash order by n.level desc) from node n join unnest($2::int[], $3::bigint[]) as p(level, index) using (level, index))`,
    [size, peaks.map((p) => p.level), peaks.map((p) => p.index)],
  );
}
