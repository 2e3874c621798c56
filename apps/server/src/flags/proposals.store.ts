import type { FlagChange, FlagSegmentChange } from "@latchkey/api/flag-proposals";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { FlagTouched } from "@latchkey/core/flags/approval";
import type { Condition } from "@latchkey/core/flags/model";
import type { Change } from "@latchkey/core/shared/difference";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import type { StoredDefinition } from "./flags.store.ts";

/** In the order of their names. */
export const protectedEnvironments = operation(
  "protectedEnvironments",
  async (db: Executor, project: string): Promise<string[]> => {
    const found = await sql<{ environment: string }>`select environment from flag_environment
      where project = ${project} and needs_approval order by environment`.execute(db);
    return found.rows.map((row) => row.environment);
  },
);
export const saveEnvironment = operation(
  "saveEnvironment",
  async (tx: Executor, project: string, environment: string, needsApproval: boolean): Promise<void> => {
    await sql`insert into flag_environment (project, environment, needs_approval)
      values (${project}, ${environment}, ${needsApproval})
      on conflict (project, environment) do update set needs_approval = excluded.needs_approval`.execute(tx);
  },
);
/** The environments that flags which are not archived are in, and those that something is said of. */
export const flagEnvironments = operation(
  "flagEnvironments",
  async (db: Executor, project: string): Promise<{ readonly name: string; readonly needsApproval: boolean }[]> => {
    const found = await sql<{
      name: string;
      needs_approval: boolean;
    }>`select name, coalesce(bool_or(needs), false) as needs_approval
      from (select jsonb_object_keys(definition -> 'environments') as name, false as needs from flag
          where project = ${project} and archived_at is null
        union all select environment, needs_approval from flag_environment where project = ${project}) as places
      group by name order by name`.execute(db);
    return found.rows.map((row) => ({ name: row.name, needsApproval: row.needs_approval }));
  },
);

export type ProposalState = "waiting" | "applied" | "rejected" | "withdrawn";
/** Of a flag, or of a segment. */
export type Proposed =
  | { readonly flag: string; readonly segment: null; readonly change: FlagChange }
  | { readonly flag: null; readonly segment: string; readonly change: FlagSegmentChange };
export type ProposalRow = Proposed & ProposalFacts;
interface ProposalFacts {
  readonly id: string;
  readonly project: string;
  readonly differences: readonly Change[];
  readonly flags_changed: readonly FlagTouched[];
  readonly proposed_by: Actor;
  readonly proposer: string | null;
  readonly reason: string;
  readonly state: ProposalState;
  readonly decided_by: Actor | null;
  readonly decision_reason: string | null;
  readonly created_at: Date;
  readonly decided_at: Date | null;
}
export const insertProposal = operation(
  "insertProposal",
  async (
    tx: Executor,
    row: Proposed &
      Pick<ProposalFacts, "id" | "project" | "differences" | "flags_changed" | "proposed_by" | "proposer" | "reason">,
  ): Promise<void> => {
    await sql`insert into flag_proposal (id, project, flag, segment, change, differences, flags_changed, proposed_by,
        proposer, reason, state)
      values (${row.id}, ${row.project}, ${row.flag}, ${row.segment}, ${JSON.stringify(row.change)}::jsonb,
        ${JSON.stringify(row.differences)}::jsonb, ${JSON.stringify(row.flags_changed)}::jsonb,
        ${JSON.stringify(row.proposed_by)}::jsonb, ${row.proposer}, ${row.reason}, 'waiting')`.execute(tx);
  },
);
export const countWaiting = operation("countWaiting", async (tx: Executor, project: string): Promise<number> => {
  const found = await sql<{ n: number }>`select count(*)::integer as n from flag_proposal
    where project = ${project} and state = 'waiting'`.execute(tx);
  return found.rows[0]?.n ?? 0;
});
/** The definitions that flags get, or that begin to hold again, when waiting proposals are agreed to. */
export const proposedDefinitions = operation(
  "proposedDefinitions",
  async (tx: Executor, project: string): Promise<{ key: string; definition: StoredDefinition }[]> => {
    const found = await sql<{ key: string; definition: StoredDefinition }>`select p.flag as key,
        coalesce(p.change -> 'definition', v.definition, f.definition) as definition
      from flag_proposal p
      left join flag_version v on v.project = p.project and v.flag = p.flag and p.change ->> 'kind' = 'restore'
        and v.version = (p.change ->> 'version')::integer
      left join flag f on f.project = p.project and f.key = p.flag
      where p.project = ${project} and p.state = 'waiting' and coalesce(p.change -> 'definition', v.definition,
        f.definition) is not null order by p.id`.execute(tx);
    return found.rows;
  },
);
/** The conditions that segments get when waiting proposals are agreed to. */
export const proposedConditions = operation(
  "proposedConditions",
  async (tx: Executor, project: string): Promise<{ key: string; when: Condition }[]> => {
    const found = await sql<{ key: string; when: Condition }>`select segment as key, change -> 'when' as when
      from flag_proposal where project = ${project} and state = 'waiting' and change ->> 'kind' = 'set_segment'
      order by id`.execute(tx);
    return found.rows;
  },
);
/** Locked until the transaction ends: of two who decide at the same time one comes first. */
export const lockProposal = operation(
  "lockProposal",
  async (tx: Executor, project: string, id: string): Promise<ProposalRow | null> => {
    const found = await sql<ProposalRow>`select * from flag_proposal where project = ${project} and id = ${id}
      for update`.execute(tx);
    return found.rows[0] ?? null;
  },
);
export const findProposal = operation(
  "findProposal",
  async (db: Executor, project: string, id: string): Promise<ProposalRow | null> => {
    const found = await sql<ProposalRow>`select * from flag_proposal where project = ${project} and id = ${id}`.execute(
      db,
    );
    return found.rows[0] ?? null;
  },
);
export const listProposals = operation(
  "listProposals",
  async (
    db: Executor,
    project: string,
    asked: {
      /** Empty: of any. */
      readonly flag: string;
      readonly segment: string;
      readonly all: boolean;
      readonly before: string;
      readonly limit: number;
    },
  ): Promise<ProposalRow[]> => {
    const { flag, segment, all, before, limit } = asked;
    // Ids begin with their time.
    const found = await sql<ProposalRow>`select * from flag_proposal where project = ${project}
      and (${flag} = '' or flag = ${flag}) and (${segment} = '' or segment = ${segment}) and (${all} or state = 'waiting') and (${before} = '' or id < ${before})
      order by id desc limit ${limit}`.execute(db);
    return found.rows;
  },
);
export const closeProposal = operation(
  "closeProposal",
  async (
    tx: Executor,
    id: string,
    decided: { readonly state: ProposalState; readonly by: Actor; readonly reason: string },
  ): Promise<void> => {
    await sql`update flag_proposal set state = ${decided.state}, decided_by = ${JSON.stringify(decided.by)}::jsonb,
      decision_reason = ${decided.reason}, decided_at = now() where id = ${id}`.execute(tx);
  },
);
