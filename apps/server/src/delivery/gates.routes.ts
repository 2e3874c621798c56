import { createHash } from "node:crypto";
import { type Evidence, WAIVER_DAYS_MAX, type Waiver } from "@latchkey/api/gates";
import type { ServiceRow } from "../catalog/index.ts";
import { record, type Subjects } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn } from "./asked-for.ts";
import { answerCallback } from "./gate-callbacks.store.ts";
import { type EvidenceRow, saveEvidence } from "./gate-evidence.store.ts";
import { hashOfToken } from "./http-gate.ts";
import { findWaiver, insertWaiver, listWaivers, markRevoked, type WaiverRow } from "./waivers.store.ts";

export interface GateRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  /** Something has come that a gate may have waited for. */
  readonly hurry: () => void;
}
const DAY_MS = 86_400_000;

export function registerGates(http: Http, o: GateRoutesOptions): void {
  const { db } = o.database;
  const serviceOf = servicesIn(db);
  registerEvidence(http, o, serviceOf);
  registerWaivers(http, o, serviceOf);

  route(http, "answerGate", async ({ params, body }) => {
    const of = { deploymentId: params.deploymentId, gate: params.gate };
    // Whoever has the token is no subject of ours: what it says is kept as the gate's words.
    const isTaken = await o.database.transaction(async (tx) => {
      const { status, words } = body;
      const project = await answerCallback(tx, { ...of, status, words, tokenHash: hashOfToken(body.token) });
      if (project === null) return false;
      await record(tx, {
        type: "delivery.gate.answered",
        subject: `deployment/${of.deploymentId}`,
        project,
        actor: { id: "callback", kind: "system", name: `gate ${of.gate}` },
        correlation: of.deploymentId,
        data: { gate: of.gate, status, words },
      });
      return true;
    });
    if (!isTaken)
      throw new ProblemError("LK_NOT_FOUND", {
        detail:
          "This gate waits for no answer with this token: it was used, is another gate's, or the deployment has ended.",
        remedy: "Answer with the token of the newest question, once.",
      });
    o.hurry();
    return null;
  });
}

type ServiceOf = (project: string, name: string) => Promise<ServiceRow>;

function gateOf(service: ServiceRow, name: string) {
  const gate = service.config.gates.find((one) => one.name === name);
  if (gate) return gate;
  const names = service.config.gates.map((one) => one.name).join(", ") || "none";
  throw new ProblemError("LK_INVALID", {
    detail: `${service.name} has no gate "${name}" (it has ${names}).`,
    fields: [{ field: "gate", message: `one of ${names}` }],
  });
}

function registerEvidence(http: Http, o: GateRoutesOptions, serviceOf: ServiceOf): void {
  route(http, "submitEvidence", async ({ project, params, body, principal }) => {
    const service = await serviceOf(project, params.service);
    if (gateOf(service, body.gate).from !== "ci")
      throw new ProblemError("LK_INVALID", {
        detail: `The gate "${body.gate}" makes its evidence itself: nobody may send it.`,
        remedy: 'Set from: "ci" for a gate whose report a pipeline sends.',
        fields: [{ field: "gate", message: 'a gate with from: "ci"' }],
      });
    const row = {
      ...{ id: newId("evi"), project, service: service.name, commit_sha: body.commit, gate: body.gate },
      ...{ report: body.report, sha256: createHash("sha256").update(body.report).digest("hex") },
      ...{ url: body.url ?? null, sent_by: actorOf(principal) },
    };
    const saved = await o.database.transaction(async (tx) => {
      const made = await saveEvidence(tx, row);
      await record(tx, {
        type: "delivery.evidence.submitted",
        subject: `evidence/${made.id}`,
        project,
        actor: row.sent_by,
        correlation: made.id,
        data: { service: service.name, gate: body.gate, commit: body.commit, sha256: made.sha256, url: made.url },
      });
      return made;
    });
    o.hurry();
    return presentEvidence(saved);
  });
}

const presentEvidence = (row: EvidenceRow): Evidence => ({
  ...{ id: row.id, service: row.service, gate: row.gate, commit: row.commit_sha, sha256: row.sha256, url: row.url },
  ...{ sentBy: row.sent_by.name, sentAt: row.sent_at.toISOString() },
});

function registerWaivers(http: Http, o: GateRoutesOptions, serviceOf: ServiceOf): void {
  const { db } = o.database;
  route(http, "listWaivers", async ({ project, params, query }) => {
    const service = (await serviceOf(project, params.service)).name;
    const rows = await listWaivers(db, { project, service, before: query.cursor, limit: query.limit });
    return { items: rows.map(presentWaiver), next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null };
  });

  route(
    http,
    "createWaiver",
    async ({ project, params, body, principal, remember }) => {
      const service = await serviceOf(project, params.service);
      gateOf(service, body.gate);
      const until = new Date(body.until);
      const days = (until.getTime() - Date.now()) / DAY_MS;
      if (days <= 0 || days > WAIVER_DAYS_MAX)
        throw new ProblemError("LK_INVALID", {
          detail: `A waiver ends between now and ${WAIVER_DAYS_MAX} days from now; ${body.until} does not.`,
          fields: [{ field: "until", message: `a time within ${WAIVER_DAYS_MAX} days` }],
        });
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const made = await o.database.transaction(async (tx) => {
        const row = await insertWaiver(tx, {
          ...{ id: newId("wai"), project, service: service.name, gate: body.gate, reason, until },
          ...{ could_not_run: body.couldNotRun, waived_by: actorOf(principal) },
        });
        await record(tx, {
          type: "delivery.gate.waived",
          subject: `waiver/${row.id}`,
          project,
          actor: row.waived_by,
          correlation: row.id,
          data: {
            ...{ service: service.name, gate: body.gate, reason, until: until.toISOString() },
            couldNotRun: body.couldNotRun,
          },
        });
        await remember(tx, row.id);
        return row;
      });
      o.hurry();
      return presentWaiver(made);
    },
    async (id) => {
      const row = await findWaiver(db, id);
      if (!row) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no waiver "${id}".` });
      return presentWaiver(row);
    },
  );

  route(http, "revokeWaiver", async ({ project, params, principal }) => {
    const row = await findWaiver(db, params.waiverId);
    if (!row || row.project !== project || row.service !== params.service)
      throw new ProblemError("LK_NOT_FOUND", { detail: `${params.service} has no waiver "${params.waiverId}".` });
    await o.database.transaction(async (tx) => {
      if (!(await markRevoked(tx, row.id, actorOf(principal)))) return;
      await record(tx, {
        type: "delivery.gate.waiver_revoked",
        subject: `waiver/${row.id}`,
        project,
        actor: actorOf(principal),
        correlation: row.id,
        data: { service: row.service, gate: row.gate },
      });
    });
    return null;
  });
}

const presentWaiver = (row: WaiverRow): Waiver => ({
  ...{ id: row.id, service: row.service, gate: row.gate, reason: row.reason, couldNotRun: row.could_not_run },
  ...{ waivedBy: row.waived_by.name, createdAt: row.created_at.toISOString(), until: row.until.toISOString() },
  revokedAt: row.revoked_at?.toISOString() ?? null,
  isInForce: row.revoked_at === null && row.until.getTime() > Date.now(),
});
