import type { Answer } from "@latchkey/api/client";
import { whyNot } from "@latchkey/core/catalog/approval";
import type { Subjects } from "../ledger/index.ts";
import { record } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { decideApproval } from "./approvals.controller.ts";
import { type ApprovalRow, findApproval, listApprovals, voicesOf } from "./approvals.store.ts";
import { type FreezeRow, findFreeze, insertFreeze, liftFreeze, openFreezes } from "./freezes.store.ts";
import { findPeople, knownBy, type PersonRow } from "./people.store.ts";
import { findService } from "./services.store.ts";

interface ApprovalRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
}
/** A freeze that nobody lifts ends by itself. */
const FREEZE_DAYS_MAX = 90;
const NOBODY = "Only a person may approve, and this credential is of nobody known: sign in, or use your own token.";

export function registerApprovals(http: Http, o: ApprovalRoutesOptions): void {
  const { db } = o.database;
  const view = async (rows: readonly ApprovalRow[], principal: Principal): Promise<Answer<"getApproval">[]> => {
    const voices = await voicesOf(
      db,
      rows.map((row) => row.id),
    );
    const ids = [...voices.map((voice) => voice.person_id), ...(principal.personId ? [principal.personId] : [])];
    const people = new Map((await findPeople(db, [...new Set(ids)])).map((person) => [person.id, person]));
    const me = people.get(principal.personId ?? "");
    return rows.map((row) => present(row, voices, people, me));
  };
  const approvalOf = async (id: string, project: string, principal: Principal) => {
    const row = await findApproval(db, project, id);
    if (!row)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `There is no approval "${id}".`,
        remedy: "`latchkey approvals` lists them.",
      });
    const [shown] = await view([row], principal);
    if (!shown) throw new Error("an approval that is there can't be shown");
    return shown;
  };

  route(http, "listApprovals", async ({ project, query, principal }) => {
    const rows = await listApprovals(db, project, { state: query.state, before: query.cursor, limit: query.limit });
    return {
      items: await view(rows, principal),
      next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null,
    };
  });
  route(http, "getApproval", async ({ project, params, principal }) =>
    approvalOf(params.approvalId, project, principal),
  );
  route(http, "decideApproval", async ({ project, params, body, principal, remember }) => {
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    const { choice, via } = body;
    const said = { id: params.approvalId, project, person_id: principal.personId ?? "", choice, via, reason };
    await o.database.transaction(async (tx) => {
      await decideApproval(tx, { ...said, actor: actorOf(principal) });
      await remember(tx, params.approvalId);
    });
    return approvalOf(params.approvalId, project, principal);
  });
  registerFreezes(http, o);
}

function present(
  row: ApprovalRow,
  voices: Awaited<ReturnType<typeof voicesOf>>,
  people: ReadonlyMap<string, PersonRow>,
  me: PersonRow | undefined,
): Answer<"getApproval"> {
  const over = row.state === "waiting" ? null : `It is over: ${row.state}.`;
  return {
    ...{ id: row.id, subject: row.subject, gate: row.gate, service: row.service, environment: row.environment },
    ...{ words: row.words, state: row.state, needed: row.needed, roles: [...row.roles], askedBy: row.asked_by.name },
    createdAt: row.created_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    voices: voices
      .filter((voice) => voice.approval_id === row.id)
      .map(({ person_id, choice, via, reason, at }) => ({
        ...{ person: people.get(person_id)?.name ?? person_id, choice, via, reason, at: at.toISOString() },
      })),
    whyNot: over ?? (me ? whyNot(row, { ...me, knownBy: knownBy(me) }) : NOBODY),
  };
}

const presentFreeze = (row: FreezeRow, nowMs: number): Answer<"addFreeze"> => ({
  ...{ id: row.id, service: row.service, environment: row.environment, reason: row.reason },
  beginsAt: row.begins_at.toISOString(),
  endsAt: row.ends_at.toISOString(),
  createdBy: row.created_by.name,
  isActive: row.lifted_at === null && row.begins_at.getTime() <= nowMs && row.ends_at.getTime() > nowMs,
});

function registerFreezes(http: Http, o: ApprovalRoutesOptions): void {
  const { db } = o.database;
  const noFreeze = (id: string) =>
    new ProblemError("LK_NOT_FOUND", {
      detail: `There is no freeze "${id}" that is not over.`,
      remedy: "`latchkey freezes` lists them.",
    });
  const freezeNow = async (project: string, id: string) => {
    const row = await findFreeze(db, project, id);
    if (!row) throw noFreeze(id);
    return presentFreeze(row, Date.now());
  };

  route(http, "listFreezes", async ({ project }) => ({
    items: (await openFreezes(db, project)).map((row) => presentFreeze(row, Date.now())),
  }));
  route(
    http,
    "addFreeze",
    async ({ project, body, principal, remember }) => {
      const begins = body.beginsAt === undefined ? new Date() : new Date(body.beginsAt);
      const ends = new Date(body.endsAt);
      await checkFreeze(db, project, { ...body, begins, ends });
      const id = newId("frz");
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const { service = null, environment = null } = body;
      await o.database.transaction(async (tx) => {
        const row = { id, project, service, environment, reason, begins_at: begins, ends_at: ends };
        await insertFreeze(tx, { ...row, created_by: actorOf(principal) });
        await record(tx, {
          type: "catalog.freeze.begun",
          subject: `freeze/${id}`,
          project,
          actor: actorOf(principal),
          data: { service, environment, words: reason, beginsAt: begins.toISOString(), endsAt: ends.toISOString() },
        });
        await remember(tx, id);
      });
      return freezeNow(project, id);
    },
    (id) => freezeNow("main", id),
  );
  route(
    http,
    "liftFreeze",
    async ({ project, params, principal, remember }) => {
      const row = await findFreeze(db, project, params.freezeId);
      if (!row) throw noFreeze(params.freezeId);
      await o.database.transaction(async (tx) => {
        if (!(await liftFreeze(tx, row.id))) throw noFreeze(row.id);
        await record(tx, {
          type: "catalog.freeze.lifted",
          subject: `freeze/${row.id}`,
          project,
          actor: actorOf(principal),
          data: { service: row.service, environment: row.environment },
        });
        await remember(tx, "lifted");
      });
      return null;
    },
    async () => null,
  );
}

async function checkFreeze(
  db: Database["db"],
  project: string,
  asked: { service?: string | undefined; environment?: string | undefined; begins: Date; ends: Date },
): Promise<void> {
  const wrong = (field: string, detail: string, message: string) =>
    new ProblemError("LK_INVALID", { detail, fields: [{ field, message }] });
  const { begins, ends } = asked;
  if (ends.getTime() <= Math.max(Date.now(), begins.getTime()))
    throw wrong("endsAt", "endsAt: a freeze ends after it begins, and not in the past.", "later than now and beginsAt");
  if (ends.getTime() - begins.getTime() > FREEZE_DAYS_MAX * 86_400_000)
    throw wrong("endsAt", `endsAt: a freeze lasts ${FREEZE_DAYS_MAX} days at most.`, "sooner; set another one later");
  if (asked.service === undefined) return;
  const service = await findService(db, project, asked.service);
  if (!service)
    throw wrong("service", `service: there is no service "${asked.service}".`, "one of `latchkey services`");
  if (asked.environment !== undefined && !service.config.environments.includes(asked.environment))
    throw wrong(
      "environment",
      `environment: ${asked.service} has no environment "${asked.environment}".`,
      `one of ${service.config.environments.join(", ")}`,
    );
}
