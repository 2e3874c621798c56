import { canonicalJson } from "../../shared/canonical-json.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Fact, FactValue, Outcome, ThingKind } from "../history.ts";
import { entryOf, factOf, type ImportProblem } from "./fact.ts";
import { Fields } from "./fields.ts";

/** A CDEvent (cdevents.dev, versions 0.3 to 0.5) as one of Latchkey's parts reads it. */
export interface CdEvent {
  readonly source: string;
  readonly id: string;
  /** Without `dev.cdevents.` and the version: `service.deployed`. */
  readonly type: string;
  readonly atMs: number;
  readonly subjectId: string;
  readonly content: Fields;
}

/** An HTTP request with a CloudEvent, as far as its form is told by it. Names of headers are in small letters. */
export interface CloudEventRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

const TYPE = /^dev\.cdevents\.([a-z]+\.[a-z]+)\.\d+\.\d+\.\d+(?:-[\w.]+)?$/;

/**
 * The CDEvents of a request: a CloudEvent in structured mode (the event is its `data`), several of them
 * (application/cloudevents-batch+json), one in binary mode (`ce-` headers, the event is the body), or a CDEvent by itself.
 */
export function cdEventBodies({
  headers,
  body,
}: CloudEventRequest): Result<readonly unknown[], readonly ImportProblem[]> {
  const form = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (form === "application/cloudevents-batch+json")
    return Array.isArray(body)
      ? ok(body.map(unwrapped))
      : err([{ place: "the body", words: "must be a list of events" }]);
  return ok([unwrapped(body)]);
}

function unwrapped(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("specversion" in body) || !("data" in body)) return body;
  return typeof body.data === "string" ? parsed(body.data) : body.data;
}
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** One CDEvent. Of a type that nothing is made of, it is read all the same: whoever sends it did nothing wrong. */
export function readCdEvent(body: unknown): Result<CdEvent, readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  const event = new Fields(body, problems);
  const context = event.inner("context") ?? event.missing("context", "who says it, when, and what it is");
  const subject = event.inner("subject") ?? event.missing("subject", "what it is about");
  const type = context.required("type", "such as dev.cdevents.service.deployed.0.2.0");
  const known = TYPE.exec(type)?.[1];
  if (type !== "" && known === undefined && !type.startsWith("dev.cdeventsx."))
    context.wrong("type", `${type.slice(0, 80)} is no type of CDEvents, such as dev.cdevents.service.deployed.0.2.0`);
  const read = {
    ...{ source: context.required("source", "who says it"), id: context.required("id", "its own name") },
    ...{ type: known ?? type, atMs: context.requiredInstant("timestamp", "when it happened") },
    ...{
      subjectId: subject.required("id", "what it is about"),
      content: subject.inner("content") ?? new Fields({}, problems),
    },
  };
  return problems.length > 0 ? err(problems) : ok(read);
}

/**
 * What an artifact was made of. It may be told of later than that it was deployed, so that both are kept and joined when
 * either comes.
 */
export interface Packaged {
  readonly artifactId: string;
  /** The change's id: a commit, or whatever the builder calls it. */
  readonly change: string;
}

export interface CdEventFacts {
  readonly facts: readonly Fact[];
  readonly packaged: Packaged | null;
}
const NOTHING: CdEventFacts = { facts: [], packaged: null };

/** Commits of artifacts, as they are known by now. */
export type CommitOfArtifact = (artifactId: string) => string | null;
const SHA = /^[0-9a-f]{40}$/i;

/**
 * The facts of one event. `environment` is taken where it names none. A service is known by its id, an environment by its
 * id or name; the same (source, id, type) twice gives the same facts, which are one.
 */
export function cdEventFacts(
  event: CdEvent,
  o: { readonly environment: string; readonly commitOf: CommitOfArtifact },
): Result<CdEventFacts, readonly ImportProblem[]> {
  const [subject = "", predicate = ""] = event.type.split(".");
  const problems: ImportProblem[] = [];
  const content = event.content.into(problems);
  let made = NOTHING;
  if (subject === "change") made = { facts: changeFacts(event, predicate, content), packaged: null };
  else if (subject === "service") made = { facts: serviceFacts(event, predicate, content, o), packaged: null };
  else if (subject === "incident") made = { facts: incidentFacts(event, predicate, content, o), packaged: null };
  else if (event.type === "artifact.packaged") made = packagedFacts(event, content);
  return problems.length > 0 ? err(problems) : ok(made);
}

const sourceOf = ({ source }: CdEvent): string => `cdevents:${source}`;
const factIn = (event: CdEvent, kind: ThingKind, key: string, fields: Record<string, FactValue | undefined>): Fact =>
  factOf({ ...{ source: sourceOf(event), id: `${event.id}:${event.type}`, kind, key, atMs: event.atMs, fields } });

const CHANGES: Readonly<Record<string, string>> = {
  ...{ created: "openedAtMs", reviewed: "firstReviewedAtMs", merged: "mergedAtMs", abandoned: "closedAtMs" },
};
function changeFacts(event: CdEvent, predicate: string, content: Fields): readonly Fact[] {
  const field = entryOf(CHANGES, predicate);
  if (!field) return [];
  const repository = content.inner("repository")?.text("id") ?? null;
  const number = /(?:^|[/#!])(\d+)$/.exec(event.subjectId)?.[1];
  const key = repository !== null && number ? `${repository}#${number}` : `${sourceOf(event)}/${event.subjectId}`;
  return [
    factIn(event, "pull_request", key, {
      ...{ repository, number: number === undefined ? undefined : Number(number), [field]: event.atMs },
      mergeCommit: predicate === "merged" && SHA.test(event.subjectId) ? event.subjectId.toLowerCase() : undefined,
    }),
  ];
}

const OUTCOME: Readonly<Record<string, Outcome>> = {
  deployed: "succeeded",
  upgraded: "succeeded",
  rolledback: "succeeded",
};
/** `removed` ends a service's life in an environment; nothing was deployed by it. */
function serviceFacts(
  event: CdEvent,
  predicate: string,
  content: Fields,
  o: { readonly environment: string; readonly commitOf: CommitOfArtifact },
): readonly Fact[] {
  const outcome = entryOf(OUTCOME, predicate);
  if (!outcome) return [];
  const artifact = content.required("artifactId", "what is served now");
  const environment = environmentOf(content) ?? o.environment;
  return [
    factIn(event, "deployment", deploymentKey(event), {
      ...{ source: sourceOf(event), service: nameOf(event.subjectId), environment, outcome, artifact, label: artifact },
      kind: predicate === "rolledback" ? "rollback" : "planned",
      ...{ commit: o.commitOf(artifact), servedAllAtMs: event.atMs, finishedAtMs: event.atMs },
    }),
  ];
}
/** Each such event is a deployment, as the specification names none; events of several types may share an id. */
export const deploymentKey = (event: CdEvent): string => `${sourceOf(event)}/${event.type}/${event.id}`;

/** Says of a deployment that is known already which commit it serves: its artifact's, which was told of later. */
export const commitFact = (o: {
  source: string;
  deployment: string;
  artifact: string;
  commit: string;
  atMs: number;
}): Fact =>
  factOf({
    ...{
      source: o.source,
      id: `${o.deployment}:commit:${o.commit}`,
      kind: "deployment",
      key: o.deployment,
      atMs: o.atMs,
    },
    fields: { commit: o.commit, artifact: o.artifact },
  });

const INCIDENTS: Readonly<Record<string, string>> = {
  ...{ detected: "detectedAtMs", reported: "acknowledgedAtMs", resolved: "resolvedAtMs" },
};
function incidentFacts(
  event: CdEvent,
  predicate: string,
  content: Fields,
  o: { readonly environment: string; readonly commitOf: CommitOfArtifact },
): readonly Fact[] {
  const field = entryOf(INCIDENTS, predicate);
  if (!field) return [];
  const service = content.inner("service")?.text("id") ?? null;
  const artifact = content.text("artifactId");
  // What is served when it is over is what mended it, and not what caused it.
  const running = predicate === "resolved" || artifact === null ? undefined : (o.commitOf(artifact) ?? artifact);
  return [
    factIn(event, "incident", `${sourceOf(event)}/${event.subjectId}`, {
      ...{ source: sourceOf(event), service: service === null ? undefined : nameOf(service) },
      ...{ environment: environmentOf(content) ?? o.environment, [field]: event.atMs, artifact: running },
      title: predicate === "resolved" ? undefined : (content.title("description") ?? undefined),
    }),
  ];
}

function packagedFacts(event: CdEvent, content: Fields): CdEventFacts {
  const change = content.inner("change")?.text("id") ?? null;
  return change === null ? NOTHING : { facts: [], packaged: { artifactId: event.subjectId, change } };
}

const environmentOf = (content: Fields): string | null => {
  const environment = content.inner("environment");
  return environment?.text("name") ?? environment?.text("id") ?? null;
};
/** `service/leads` and `leads` are the same service. */
const nameOf = (id: string): string => id.split("/").at(-1) || id;

/** All facts of several events at once, as of a file; events in any order, doubled ones once. */
export function cdEventsFacts(
  bodies: readonly { readonly place: string; readonly body: unknown }[],
  o: { readonly environment: string },
): Result<readonly Fact[], readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  const events = new Map<string, { readonly place: string; readonly event: CdEvent }>();
  const within = (place: string, found: readonly ImportProblem[]) =>
    problems.push(...found.map((one) => ({ place: `${place}: ${one.place}`, words: one.words })));
  for (const { place, body } of bodies) {
    const read = readCdEvent(body);
    if (!read.ok) within(place, read.error);
    else events.set(canonicalJson([read.value.source, read.value.id, read.value.type]), { place, event: read.value });
  }
  const commits = new Map<string, string>();
  const facts: Fact[] = [];
  const all = [...events.values()];
  for (const commitsOnly of [true, false])
    for (const { place, event } of all) {
      if ((event.type === "artifact.packaged") !== commitsOnly) continue;
      const made = cdEventFacts(event, { ...o, commitOf: (artifact) => commits.get(artifact) ?? null });
      if (!made.ok) within(place, made.error);
      else {
        facts.push(...made.value.facts);
        const { packaged } = made.value;
        if (packaged && SHA.test(packaged.change)) commits.set(packaged.artifactId, packaged.change.toLowerCase());
      }
    }
  return problems.length > 0 ? err(problems) : ok(facts);
}
