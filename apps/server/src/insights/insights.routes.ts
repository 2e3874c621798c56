import { wrongField } from "@latchkey/core/insights/fact-fields";
import { correctionOf, type Fact } from "@latchkey/core/insights/history";
import { registerValue } from "@latchkey/core/shared/registers";
import type { Subjects } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import type { Executor, Transactions } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { correct, withdraw } from "./corrections.controller.ts";
import { viewDora } from "./dora.view.ts";
import { submit } from "./facts.controller.ts";
import { correctionsOf, findThings } from "./facts.store.ts";
import { OWN_SOURCE } from "./own-facts.ts";
import { type DeploymentRow, presentDeployment, presentIncident } from "./present.ts";
import { type Page, pageOfConflicts, pageOfDeployments, pageOfIncidents } from "./records.view.ts";
import { windowOf } from "./window.ts";

export interface InsightsRoutesOptions {
  readonly database: Transactions;
  readonly subjects: Pick<Subjects, "sealWordsOf">;
  readonly now: () => number;
  /** Facts have come in. */
  readonly wake: () => void;
}

/** The five keys, what is behind them, and what people say against the record. */
export function registerInsights(http: Http, o: InsightsRoutesOptions): void {
  const { db } = o.database;
  route(http, "getDora", async ({ project, query }) => viewDora(db, project, query, o.now()));

  route(http, "listInsightDeployments", async ({ project, query }) => {
    const asked = { project, ...windowOf(query, o.now()), service: query.service, environment: query.environment };
    const rows = await pageOfDeployments(db, { ...asked, asKnownAt: null }, pageOf(query), query.only);
    const last = rows.at(-1)?.record;
    return {
      items: await presented(db, project, rows),
      next: last && rows.length === query.limit ? `${last.atMs}_${last.key}` : null,
    };
  });
  route(http, "listInsightIncidents", async ({ project, query }) => {
    const asked = { project, ...windowOf(query, o.now()), service: query.service, environment: query.environment };
    const rows = await pageOfIncidents(db, { ...asked, asKnownAt: null }, pageOf(query));
    const last = rows.at(-1)?.record;
    return {
      items: rows.map(({ record: incident, registers }) => presentIncident(incident, registers)),
      next: last && rows.length === query.limit ? `${last.atMs}_${last.key}` : null,
    };
  });
  route(http, "listInsightConflicts", async ({ project, query }) => {
    if (query.cursor !== undefined && !/^\d{1,18}$/.test(query.cursor)) throw badCursor();
    const rows = await pageOfConflicts(db, project, query.cursor ?? null, query.limit);
    return {
      items: rows,
      next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null,
    };
  });
  registerChanges(http, o);
}

/** What is written: facts of sources, and corrections of people. */
function registerChanges(http: Http, o: InsightsRoutesOptions): void {
  route(
    http,
    "postInsightFacts",
    async ({ project, body, principal, remember }) => {
      const facts = body.facts.map(checked);
      const accepted = await o.database.transaction(async (tx) => {
        const taken = await submit(tx, { project, facts, actor: actorOf(principal) });
        await remember(tx, `${taken}/${facts.length}`);
        return taken;
      });
      o.wake();
      return { accepted, known: facts.length - accepted };
    },
    async (reference) => {
      const [accepted = 0, all = 0] = reference.split("/").map(Number);
      return { accepted, known: all - accepted };
    },
  );
  route(
    http,
    "correctInsight",
    async ({ project, body, principal, remember }) => {
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const { claim, deployment, incident } = body;
      const said = { project, claim, deployment, incident, reason, actor: actorOf(principal), atMs: o.now() };
      const key = await o.database.transaction(async (tx) => {
        const made = await correct(tx, said);
        await remember(tx, made);
        return made;
      });
      o.wake();
      return { key };
    },
    async (key) => ({ key }),
  );
  route(
    http,
    "withdrawInsightCorrection",
    async ({ project, params, body, principal, remember }) => {
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const said = { project, key: params.correctionKey, reason, actor: actorOf(principal), atMs: o.now() };
      const key = await o.database.transaction(async (tx) => {
        const withdrawn = await withdraw(tx, said);
        await remember(tx, withdrawn);
        return withdrawn;
      });
      o.wake();
      return { key };
    },
    async (key) => ({ key }),
  );
}

/** What only Latchkey says of itself, nobody else may: a deployment of its own, or a correction without an entry. */
function checked(fact: Fact, index: number): Fact {
  const refuse = (field: string, message: string): ProblemError =>
    new ProblemError("LK_INVALID", { detail: message, fields: [{ field: `facts.${index}.${field}`, message }] });
  if (fact.source === OWN_SOURCE)
    throw refuse("source", `"${OWN_SOURCE}" is Latchkey's own: name your source otherwise, such as git:website.`);
  if (fact.kind === "correction") throw refuse("kind", "Corrections are made by people: POST insights/corrections.");
  if (fact.kind === "deployment" && fact.key.startsWith("dep_"))
    throw refuse("key", "dep_… are Latchkey's own deployments: put your source's name before the key.");
  const wrong = wrongField(fact.fields);
  if (wrong) throw refuse(`fields.${wrong.field}`, `${wrong.field} ${wrong.words}.`);
  return fact;
}
const badCursor = (): ProblemError =>
  new ProblemError("LK_INVALID", {
    detail: "cursor must be the `next` of the page before.",
    fields: [{ field: "cursor", message: "the `next` of the page before" }],
  });
function pageOf(query: { readonly cursor?: string | undefined; readonly limit: number }): Page {
  if (query.cursor === undefined) return { before: null, limit: query.limit };
  const [, atMs = "", key = ""] = /^(\d{1,16}(?:\.\d{1,6})?)_(.{1,300})$/.exec(query.cursor) ?? [];
  if (atMs === "") throw badCursor();
  return { before: { atMs: Number(atMs), key }, limit: query.limit };
}

async function presented(db: Executor, project: string, rows: readonly DeploymentRow[]) {
  const changes = [...new Set(rows.flatMap(({ leads }) => leads.map(({ change }) => change)))];
  const commits = await findThings(db, project, "commit", changes);
  const pulls = await findThings(db, project, "pull_request", changes);
  const titleOf = (change: string): string => {
    const thing = pulls.get(change) ?? commits.get(change);
    const title = thing ? registerValue(thing, "title") : null;
    return typeof title === "string" ? title : "";
  };
  const said = await correctionsOf(
    db,
    project,
    rows.map((row) => row.record.key),
  );
  const corrections = said.map((row) => correctionOf(row.key, row.registers)).filter((c) => c !== null);
  return rows.map((row) =>
    presentDeployment(
      row,
      titleOf,
      corrections.filter((c) => c.deployment === row.record.key),
    ),
  );
}
