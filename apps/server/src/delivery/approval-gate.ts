import { type GateConfig, gateKind } from "@latchkey/api/gates";
import { personsNamed, waitsFor } from "@latchkey/core/catalog/approval";
import type { Builder } from "@latchkey/core/delivery/ports";
import { subjectOf } from "@latchkey/core/shared/sealed";
import {
  type ApprovalRow,
  findApprovalOf,
  findEnvironment,
  findPeople,
  knownBy,
  listPeople,
  type PersonRow,
  requestApproval,
  type VoiceRow,
  voicesOf,
} from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import { personOfCredential } from "../security/index.ts";
import { findChange } from "./changes.store.ts";
import type { DeploymentRow } from "./deployments.store.ts";
import type { GateContext, GateOutcome, GateRunner } from "./gate-runner.ts";
import { findRelease, type ReleaseRow } from "./releases.store.ts";
import { reviewsFor } from "./review-voices.ts";

/** Whoever decides wakes the gates; this is for what got lost. */
const ASK_AGAIN_MS = 10_000;
/** A sentence for people, and why they are asked. */
const WORDS_MAX = 1_000;

interface Came {
  readonly steps: readonly string[];
  readonly hands: readonly string[];
}
export interface ApprovalGateParts {
  readonly database: Transactions;
  readonly builder: Pick<Builder, "changesBetween">;
  /** What came to the branch of the folder between two commits. */
  readonly cameToBranch: (folder: string, from: string | null, to: string | null) => Promise<Came>;
  /** Sealed names in clear, in the same order. */
  readonly openNames: (sealed: readonly string[]) => Promise<readonly string[]>;
}

/** Asks people whether a release may go out, and waits for them: never for whoever wrote a change or asked for it. */
export const approvalGate = (parts: ApprovalGateParts): GateRunner => ({
  run: (gate, context) => askPeople(parts, gate, context, []),
});

/** What was asked of people for a deployment's gate, if anything was. */
export const askedOf = ({ database: { db } }: ApprovalGateParts, gate: GateConfig, { deployment }: GateContext) =>
  findApprovalOf(db, `deployment/${deployment.id}`, gate.name);

/** `because`: sentences that whoever decides sees with it. */
export async function askPeople(
  parts: ApprovalGateParts,
  gate: GateConfig,
  context: GateContext,
  because: readonly string[],
): Promise<GateOutcome> {
  const { database } = parts;
  const { db } = database;
  const before =
    (await askedOf(parts, gate, context)) ??
    (await ask(database, gate, context, { excluded: await excludedBy(parts, context), because }));
  // Who reviewed a change has not seen why a policy asks for a person.
  const isForReviews = before.state === "waiting" && gateKind(gate) === "approval";
  const ofReviews = isForReviews ? await takeIn(parts, gate, context, before) : [];
  const asked = (await askedOf(parts, gate, context)) ?? before;
  const voices = await voicesOf(db, [asked.id]);
  const names = new Map(
    (
      await findPeople(
        db,
        voices.map((v) => v.person_id),
      )
    ).map((p) => [p.id, p.name]),
  );
  const said = ({ person_id, choice, via, reason }: VoiceRow) =>
    `${names.get(person_id) ?? person_id} ${choice === "approve" ? "approves" : "rejects"}${via === "github" ? " by a review" : ""}: ${reason}`;
  const details = [...voices.map(said), ...ofReviews];
  if (asked.state === "waiting") {
    const words = waitsFor(asked, voices.filter(({ choice }) => choice === "approve").length);
    return { status: "pending", words, askAgainMs: ASK_AGAIN_MS, details } satisfies GateOutcome;
  }
  const who = voices.map((v) => names.get(v.person_id) ?? v.person_id).join(", ");
  return {
    status: asked.state === "approved" ? "passed" : "failed",
    words:
      asked.state === "approved"
        ? `Approved by ${who}.`
        : asked.state === "rejected"
          ? `${voices.map(said).at(-1) ?? "Rejected."}`
          : asked.state === "expired"
            ? "Nobody decided in time."
            : "It was withdrawn.",
    figures: [
      {
        name: "approvals",
        value: voices.filter((v) => v.choice === "approve").length,
        unit: "count",
        limit: asked.needed,
        holds: asked.state === "approved",
      },
    ],
    details,
  };
}

const ask = (
  database: Transactions,
  gate: GateConfig,
  { deployment, release }: GateContext,
  { excluded, because }: { readonly excluded: string[]; readonly because: readonly string[] },
) =>
  database.transaction((tx) =>
    requestApproval(tx, {
      project: deployment.project,
      subject: `deployment/${deployment.id}`,
      gate: gate.name,
      service: deployment.service,
      environment: deployment.environment,
      words:
        `${deployment.service} ${release ? `release ${release.number} ` : ""}to ${deployment.environment}${release?.message ? `: ${release.message}` : ""}${because.length > 0 ? ` (${because.join(" ")})` : ""}`.slice(
          0,
          WORDS_MAX,
        ),
      needed: gate.count ?? 1,
      roles: gate.roles ?? [],
      excluded,
      askedBy: deployment.created_by,
    }),
  );

/** What came since the release that serves, and what people said of it on GitHub. */
async function takeIn(
  parts: ApprovalGateParts,
  gate: GateConfig,
  context: GateContext,
  approval: ApprovalRow,
): Promise<string[]> {
  const { deployment, release, folder } = context;
  const { db } = parts.database;
  const { steps } = await parts.cameToBranch(folder, (await servingOf(db, context)).since, release?.commit_sha ?? null);
  const people = await everybody(db, deployment.project);
  return reviewsFor(parts, gate, { context, approval, steps, people });
}

/** A release, or a commit that could become one, and where it would go. */
export interface Candidate {
  readonly deployment: Pick<DeploymentRow, "project" | "service" | "environment">;
  readonly release: Pick<ReleaseRow, "commit_sha" | "dirty" | "author"> | null;
  readonly folder: string;
}

async function servingOf(db: Transactions["db"], { deployment }: Candidate) {
  const place = await findEnvironment(db, deployment.project, deployment.service, deployment.environment);
  const serving = place?.serving_release_id ? await findRelease(db, place.serving_release_id) : null;
  return { serving, since: serving?.commit_sha ?? null };
}

/** What is new in a deployment: commits since the release that serves. */
export async function newIn({ database: { db }, builder }: ApprovalGateParts, context: Candidate) {
  const { release, folder } = context;
  const { serving, since } = await servingOf(db, context);
  return { serving, since, changes: await builder.changesBetween(folder, since, release?.commit_sha ?? null) };
}

/** The roles of each author whom these names are of; null for one whom nobody knows. */
export async function rolesOfAuthors(
  { database: { db }, openNames }: ApprovalGateParts,
  project: string,
  authors: readonly string[],
): Promise<(readonly string[] | null)[]> {
  const people = await everybody(db, project);
  const roles: (readonly string[] | null)[] = [];
  for (const author of new Set(authors)) {
    const [id] = await namedIn(openNames, [author], people);
    const person = people.find((p) => p.id === id || knownBy(p).includes(subjectOf(author) ?? ""));
    roles.push(person ? [person.role, ...person.raci] : null);
  }
  return roles;
}

/** Whoever asked for the deployment, and the authors of all that is new in it. */
async function excludedBy(parts: ApprovalGateParts, context: GateContext): Promise<string[]> {
  const { openNames, cameToBranch } = parts;
  const { db } = parts.database;
  const { deployment, release, folder } = context;
  const { since, changes } = await newIn(parts, context);
  const { steps, hands } = await cameToBranch(folder, since, release?.commit_sha ?? null);
  const names = [
    deployment.created_by.name,
    release?.author ?? "",
    ...changes.map((change) => change.author),
    ...hands,
  ];
  // Who opened a pull request is known by the name on GitHub.
  for (const step of steps)
    names.push((await findChange(db, deployment.project, deployment.service, step))?.author ?? "");
  const people = await everybody(db, deployment.project);
  const named = await namedIn(openNames, names, people);
  const known = names.flatMap((name) => subjectOf(name) ?? []);
  const person = await personOfCredential(db, deployment.created_by.id);
  return [...new Set([...known, ...named, ...(person ? [person] : [])])].sort();
}

const PAGE = 200;
async function everybody(db: Transactions["db"], project: string): Promise<PersonRow[]> {
  const people: PersonRow[] = [];
  for (;;) {
    const page = await listPeople(db, project, people.at(-1)?.id, PAGE);
    people.push(...page);
    if (page.length < PAGE) return people;
  }
}

/** People whom a name means that is not typed as theirs is: "ada l" wrote what "Ada L." may not approve. */
async function namedIn(
  openNames: ApprovalGateParts["openNames"],
  names: readonly string[],
  people: readonly PersonRow[],
): Promise<string[]> {
  const namesOf = ({ name, commit_names, github_login }: PersonRow) => [name, ...commit_names, github_login ?? ""];
  const sealed = [...names, ...people.flatMap((person) => namesOf(person))];
  const opened = [...(await openNames(sealed))];
  const written = opened.splice(0, names.length);
  const known = people.map((person) => ({ id: person.id, names: opened.splice(0, namesOf(person).length) }));
  return personsNamed(written, known);
}
