import type { FlagProposal } from "@latchkey/api/flag-proposals";
import type { FlagTouched } from "@latchkey/core/flags/approval";
import { compareEnvironments } from "@latchkey/core/flags/compare";
import { withRollouts } from "@latchkey/core/flags/model";
import { type Change, differences } from "@latchkey/core/shared/difference";
import { record } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { flagsNaming } from "./approvals.ts";
import type { FlagsOptions } from "./flags.controller.ts";
import { findFlag, liveFlags, rolloutsOf, switchesOf } from "./flags.store.ts";
import { decideProposal, isOwn, noProposal, proposeChange } from "./proposals.controller.ts";
import { findProposal, flagEnvironments, listProposals, type ProposalRow, saveEnvironment } from "./proposals.store.ts";
import type { FlagSets } from "./sets.ts";
import { flagOf, rolloutOf } from "./stored.ts";

const ENVIRONMENT = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Environments whose flags need a second person, and what waits for one. */
export function registerProposals(http: Http, o: FlagsOptions & { readonly sets: FlagSets }): void {
  const { db } = o.database;
  const shown = async (project: string, id: string, principal: Principal): Promise<FlagProposal> => {
    const row = await findProposal(db, project, id);
    if (!row) throw noProposal(id);
    return presented(row, principal);
  };
  const presented = async (row: ProposalRow, principal: Principal): Promise<FlagProposal> => {
    const isOpen = row.segment !== null && row.state === "waiting";
    const flags = isOpen ? await flagsNaming(db, row.project, row.segment) : row.flags_changed;
    return present(row, principal, await takesEffect(row), flags);
  };
  const takesEffect = async ({ project, flag: key, change, state }: ProposalRow): Promise<readonly Change[]> => {
    if (state !== "waiting" || key === null || change.kind !== "switch" || !change.isEnabled) return [];
    const row = await findFlag(db, project, key);
    if (!row) return [];
    const { environment } = change;
    const states = (await rolloutsOf(db, project, [key])).map(rolloutOf);
    const { variants, environments } = withRollouts(flagOf(row), environment, states);
    const rules = environments[environment];
    if (!rules) return [];
    return differences({}, { variants, environments: { [environment]: { ...rules, isEnabled: true } } });
  };

  route(http, "listFlagEnvironments", async ({ project }) => ({ items: await flagEnvironments(db, project) }));
  route(http, "compareFlagEnvironments", async ({ project, query }) => {
    const switches = await switchesOf(db, project, null);
    const flags = (await liveFlags(db, project)).map((row) => flagOf(row, switches));
    const rollouts = (await rolloutsOf(db, project, null)).map(rolloutOf);
    const found = compareEnvironments(flags, rollouts, query.from, query.to);
    return { items: found.map((one) => ({ ...one, changes: [...one.changes] })) };
  });
  route(http, "putFlagEnvironment", async ({ project, params, body, principal, remember }) => {
    const { environment: name } = params;
    const { needsApproval } = body;
    if (!ENVIRONMENT.test(name))
      throw new ProblemError("LK_INVALID", {
        detail: "environment: a name has lower-case letters, digits and -, at most 40.",
        fields: [{ field: "environment", message: "such as production" }],
      });
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      await saveEnvironment(tx, project, name, needsApproval);
      const data = { environment: name, needsApproval, reason };
      const subject = `flag_environment/${name}`;
      await record(tx, { type: "flags.environment.changed", subject, project, actor: actorOf(principal), data });
      await remember(tx, `${name} ${needsApproval}`);
    });
    return { name, needsApproval };
  });
  route(http, "proposeFlagChange", async ({ project, params, body, principal, remember }) => {
    const { change, reason } = body;
    const also = (tx: Parameters<typeof remember>[0], id: string) => remember(tx, id);
    const id = await proposeChange(o, {
      project,
      principal,
      reason,
      also,
      of: { flag: params.flag, segment: null, change },
    });
    return shown(project, id, principal);
  });
  route(http, "proposeFlagSegmentChange", async ({ project, params, body, principal, remember }) => {
    const { change, reason } = body;
    const also = (tx: Parameters<typeof remember>[0], id: string) => remember(tx, id);
    const of = { flag: null, segment: params.segment, change };
    return shown(project, await proposeChange(o, { project, principal, reason, also, of }), principal);
  });
  route(http, "listFlagProposals", async ({ project, query, principal }) => {
    const { limit, flag = "", segment = "", state, cursor = "" } = query;
    const rows = await listProposals(db, project, { flag, segment, all: state === "all", before: cursor, limit });
    return {
      items: await Promise.all(rows.map((row) => presented(row, principal))),
      next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
    };
  });
  route(http, "decideFlagProposal", async ({ project, params, body, principal, remember }) => {
    const { decision, reason } = body;
    const also = (tx: Parameters<typeof remember>[0]) => remember(tx, params.proposal);
    await decideProposal(o, { project, principal, id: params.proposal, decision, reason, also });
    await o.sets.look();
    return shown(project, params.proposal, principal);
  });
}

const present = (
  row: ProposalRow,
  principal: Principal,
  effect: readonly Change[],
  flags: readonly FlagTouched[],
): FlagProposal => ({
  takesEffect: [...effect],
  flagsChanged: flags.map(({ flag, environments }) => ({ flag, environments: [...environments] })),
  ...{
    id: row.id,
    flag: row.flag,
    segment: row.segment,
    kind: row.change.kind,
    state: row.state,
    changes: [...row.differences],
  },
  ...{ proposedBy: row.proposed_by.name, isOwn: isOwn(row, principal), reason: row.reason },
  createdAt: row.created_at.toISOString(),
  ...{ decidedBy: row.decided_by?.name ?? null, decisionReason: row.decision_reason },
  decidedAt: row.decided_at?.toISOString() ?? null,
});
