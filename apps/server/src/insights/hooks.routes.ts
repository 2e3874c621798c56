import type { Fact } from "@latchkey/core/insights/history";
import { cdEventBodies, cdEventFacts, commitFact, readCdEvent } from "@latchkey/core/insights/import/cdevents";
import { devlakeDeployment, devlakeIncident, devlakeIncidentClosed } from "@latchkey/core/insights/import/devlake";
import type { ImportProblem } from "@latchkey/core/insights/import/fact";
import type { Result } from "@latchkey/core/shared/result";
import type { FastifyRequest } from "fastify";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Transactions } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { commitsOfArtifacts } from "./artifacts.store.ts";
import { submit, takeIn } from "./facts.controller.ts";

/** Of one event or a batch. */
const BODY_MAX_BYTES = 1_048_576;
const EVENTS_MAX = 100;
const NAME = /^[a-z][a-z0-9-]{1,38}[a-z0-9]$/;

export interface InsightHooksOptions {
  readonly database: Transactions;
  readonly now: () => number;
  /** Facts have come in. */
  readonly wake: () => void;
}
interface OfService {
  readonly Params: { readonly service: string };
}

/**
 * What other systems post of themselves, with an API token that may submit facts: DevLake's webhook bodies, whose address
 * names the service, and CDEvents. An event that comes again changes nothing.
 */
export function registerInsightHooks(http: Http, o: InsightHooksOptions): void {
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      /^application\/(json|cloudevents(-batch)?\+json)\b/i,
      { parseAs: "string", bodyLimit: BODY_MAX_BYTES },
      (_request, body, done) => done(null, body),
    );
    const take = async (request: FastifyRequest, read: (body: unknown) => readonly Fact[]) => {
      const principal = await authorise(http, request, "insight.submit");
      const facts = read(jsonOf(request.body));
      return { facts: facts.length, ...(await keep(o, principal, facts)) };
    };
    scope.post<OfService>("/hooks/devlake/:service/deployments", (request) =>
      take(request, (body) => checked(devlakeDeployment(body, contextOf(request.params.service)))),
    );
    for (const name of ["incidents", "issues"])
      scope.post<OfService>(`/hooks/devlake/:service/${name}`, (request) =>
        take(request, (body) => checked(devlakeIncident(body, contextOf(request.params.service)))),
      );
    scope.post<{ Params: { service: string; key: string } }>("/hooks/devlake/:service/issue/:key/close", (request) =>
      take(request, () => devlakeIncidentClosed(keyOf(request.params.key), o.now(), contextOf(request.params.service))),
    );
    scope.post("/hooks/cdevents", (request) => take(request, (body) => ofEvents(request, body)));
  });
}

/** The join with what was told before is made when the facts are kept: here no commit is known. */
function ofEvents(request: FastifyRequest, body: unknown): readonly Fact[] {
  const { "content-type": contentType } = request.headers;
  const bodies = checked(cdEventBodies({ headers: { "content-type": contentType }, body }));
  if (bodies.length > EVENTS_MAX)
    throw refused([{ place: "the body", words: `holds ${bodies.length} events: send at most ${EVENTS_MAX} at once` }]);
  const asked = { environment: "production", commitOf: () => null };
  return bodies.flatMap((event) => checked(cdEventFacts(checked(readCdEvent(event)), asked)).facts);
}

async function keep(o: InsightHooksOptions, principal: Principal, facts: readonly Fact[]) {
  const { project } = principal;
  const actor = actorOf(principal);
  const taken = await o.database.transaction((tx) => submit(tx, { project, facts, actor }));
  // Apart and afterwards: of two that are kept at the same moment at least the later one sees the other. Told again it is known.
  const artifacts = [...new Set(facts.map(({ fields }) => fields.artifact).filter((name) => typeof name === "string"))];
  if (artifacts.length > 0)
    await o.database.transaction(async (tx) => {
      const joined = await commitsOfArtifacts(tx, project, artifacts);
      if (joined.length > 0) await takeIn(tx, project, joined.map(commitFact));
    });
  o.wake();
  return { accepted: taken, known: facts.length - taken };
}

function contextOf(service: string) {
  if (!NAME.test(service))
    throw refused([{ place: "service", words: "must be 3 to 40 of a-z, 0-9 and -, starting with a letter" }]);
  return { source: "webhook:devlake", service, environment: "production" };
}
function keyOf(key: string): string {
  if (key === "" || key.length > 200 || /\0|\p{Surrogate}/u.test(key))
    throw refused([{ place: "key", words: "must be what the incident is called, at most 200 characters" }]);
  return key;
}

function jsonOf(body: unknown): unknown {
  if (body === undefined || body === null || body === "") return null;
  try {
    return JSON.parse(String(body));
  } catch {
    throw refused([{ place: "the body", words: "is no JSON" }]);
  }
}

function checked<T>(read: Result<T, readonly ImportProblem[]>): T {
  if (read.ok) return read.value;
  throw refused(read.error);
}
const refused = (problems: readonly ImportProblem[]): ProblemError =>
  new ProblemError("LK_INVALID", {
    detail: "Nothing of it was taken in.",
    fields: problems.slice(0, 10).map(({ place, words }) => ({ field: place, message: words })),
  });
