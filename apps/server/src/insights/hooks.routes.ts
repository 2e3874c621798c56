import type { Fact } from "@latchkey/core/insights/history";
import {
  type CdEvent,
  cdEventBodies,
  cdEventFacts,
  commitFact,
  readCdEvent,
} from "@latchkey/core/insights/import/cdevents";
import { devlakeDeployment, devlakeIncident, devlakeIncidentClosed } from "@latchkey/core/insights/import/devlake";
import type { ImportProblem } from "@latchkey/core/insights/import/fact";
import type { Result } from "@latchkey/core/shared/result";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf } from "../platform/auth.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { commitsOfArtifacts, saveArtifact } from "./artifacts.store.ts";
import { submit } from "./facts.controller.ts";

export interface HooksOptions {
  readonly database: Transactions;
  readonly now: () => number;
  readonly wake: () => void;
}
const BODY_MAX_BYTES = 1_048_576;
const EVENTS_MAX = 500;
const SHA = /^[0-9a-f]{40}$/i;
const PROJECT = "main";

/**
 * What other systems tell by themselves: CDEvents in both modes of CloudEvents, and the bodies that DevLake's webhooks take.
 * With a token of the role `ci`; answered when it is durable.
 */
export function registerHooks(http: Http, o: HooksOptions): void {
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string", bodyLimit: BODY_MAX_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    registerCdEvents(http, scope, o);
    registerDevlake(http, scope, o);
  });
}

const invalid = (problems: readonly ImportProblem[]): ProblemError =>
  new ProblemError("LK_INVALID", {
    detail: problems
      .map(({ place, words }) => (place === "" ? words : `${place} ${words}`))
      .join("; ")
      .slice(0, 1_000),
    fields: problems.slice(0, 50).map(({ place, words }) => ({ field: place === "" ? "body" : place, message: words })),
  });
function taken<T>(result: Result<T, readonly ImportProblem[]>): T {
  if (!result.ok) throw invalid(result.error);
  return result.value;
}
function jsonOf(request: FastifyRequest): unknown {
  const text = typeof request.body === "string" ? request.body : "";
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid([{ place: "body", words: "is not JSON" }]);
  }
}
function named(value: unknown, field: string, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value !== "string" || !/^[A-Za-z0-9][\w.-]{0,79}$/.test(value))
    throw invalid([{ place: field, words: "must be a name of letters, digits, dots and dashes" }]);
  return value;
}
const environmentOf = (request: FastifyRequest): string =>
  named((request.query as { readonly environment?: unknown }).environment, "environment", "production");

function registerCdEvents(http: Http, scope: FastifyInstance, o: HooksOptions): void {
  scope.post("/hooks/cdevents", { bodyLimit: BODY_MAX_BYTES }, async (request, reply) => {
    const principal = await authorise(http, request, "insight.submit", PROJECT);
    const environment = environmentOf(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
    );
    const bodies = taken(cdEventBodies({ headers, body: jsonOf(request) }));
    if (bodies.length > EVENTS_MAX) throw invalid([{ place: "body", words: `must have at most ${EVENTS_MAX} events` }]);
    const events = bodies.map((body) => taken(readCdEvent(body)));
    const accepted = await o.database.transaction(async (tx) => {
      const facts: Fact[] = [];
      for (const event of events) facts.push(...(await factsOf(tx, event, environment)));
      return submit(tx, { project: PROJECT, facts, actor: actorOf(principal) });
    });
    o.wake();
    return reply.code(202).send({ accepted });
  });
}

/** The facts of an event. What an artifact was made of is kept, so that it does not matter which of both is told first. */
async function factsOf(tx: Transaction, event: CdEvent, environment: string): Promise<readonly Fact[]> {
  const artifact = event.content.text("artifactId");
  const commits = await commitsOfArtifacts(tx, PROJECT, artifact === null ? [] : [artifact]);
  const { facts, packaged } = taken(cdEventFacts(event, { environment, commitOf: (id) => commits.get(id) ?? null }));
  if (packaged === null || !SHA.test(packaged.change)) return facts;
  const commit = packaged.change.toLowerCase();
  const deployments = await saveArtifact(tx, PROJECT, packaged.artifactId, commit);
  const source = `cdevents:${event.source}`;
  return [
    ...facts,
    ...deployments.map((deployment) =>
      commitFact({ source, deployment, artifact: packaged.artifactId, commit, atMs: event.atMs }),
    ),
  ];
}

function registerDevlake(http: Http, scope: FastifyInstance, o: HooksOptions): void {
  type Read = (body: unknown, context: { source: string; service: string; environment: string }) => readonly Fact[];
  const take = (path: string, read: Read) =>
    scope.post<{ Params: { service: string; issueKey?: string } }>(
      `/hooks/devlake/:service/${path}`,
      { bodyLimit: BODY_MAX_BYTES },
      async (request, reply) => {
        const principal = await authorise(http, request, "insight.submit", PROJECT);
        const service = named(request.params.service, "service", "");
        const context = { source: `webhook:${service}`, service, environment: environmentOf(request) };
        const facts = read(path.includes(":issueKey") ? request.params.issueKey : jsonOf(request), context);
        const accepted = await o.database.transaction((tx) =>
          submit(tx, { project: PROJECT, facts, actor: actorOf(principal) }),
        );
        o.wake();
        return reply.code(202).send({ accepted });
      },
    );
  take("deployments", (body, context) => taken(devlakeDeployment(body, context)));
  take("incidents", (body, context) => taken(devlakeIncident(body, context)));
  take("issues", (body, context) => taken(devlakeIncident(body, context)));
  take("issue/:issueKey/close", (key, context) => devlakeIncidentClosed(String(key), o.now(), context));
}
