import { fold } from "../../shared/registers.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { deploymentOf, type Fact, type Thing } from "../history.ts";
import { factOf, type ImportProblem } from "./fact.ts";
import { Fields } from "./fields.ts";
import {
  commitIn,
  deploymentFacts,
  type GithubCommit,
  type GithubContext,
  type GithubKind,
  githubKind,
  githubSource,
  pullFacts,
  releaseFacts,
  statusFacts,
} from "./github.ts";

/** One page of the REST API as a file: a list, an object with `items`, or one thing. */
export interface GithubPage {
  readonly place: string;
  readonly body: unknown;
}
export interface GithubPages {
  readonly facts: readonly Fact[];
  readonly counts: Readonly<Record<GithubKind, number>>;
  /** Things that nothing is made of, such as issues. */
  readonly others: number;
  /** Deployments are releases: there was no deployment. */
  readonly isByRelease: boolean;
}

interface Found {
  readonly place: string;
  readonly kind: GithubKind;
  readonly fields: Fields;
}

/** The facts of pages in any order; doubled things are one. Where the commits are whole, what a deployment brought is known. */
export function githubPagesFacts(
  pages: readonly GithubPage[],
  context: GithubContext,
): Result<GithubPages, readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  const { found, others } = thingsIn(pages, problems);
  const of = (kind: GithubKind): readonly Fields[] =>
    found.filter((one) => one.kind === kind).map(({ fields }) => fields);
  const commits = new Map<string, GithubCommit>();
  for (const fields of of("commit")) {
    const commit = commitIn(fields, context);
    commits.set(commit.sha, commit);
  }
  const isByRelease = of("deployment").length === 0 && of("release").length > 0;
  const deployed = isByRelease
    ? of("release").flatMap((fields) => releaseFacts(fields, context))
    : [
        ...of("deployment").flatMap((fields) => deploymentFacts(fields, context)),
        ...of("status").flatMap((fields) => statusFacts(fields, context)),
      ];
  const facts = [
    ...[...commits.values()].map(({ fact }) => fact),
    ...of("pull").flatMap((fields) => pullFacts(fields, context)),
    ...firstReviews(of("review"), context),
    ...deployed,
    ...broughtFacts(deployed, commits, context),
  ];
  if (problems.length > 0) return err(problems);
  const once = new Map(facts.map((fact) => [fact.id, fact]));
  const counts = { pull: 0, review: 0, commit: 0, deployment: 0, status: 0, release: 0 };
  for (const { kind } of found) counts[kind] += 1;
  return ok({ facts: [...once.values()], counts, others, isByRelease });
}

function thingsIn(pages: readonly GithubPage[], problems: ImportProblem[]) {
  const found: Found[] = [];
  let others = 0;
  const take = (value: unknown, place: string): void => {
    const kind = githubKind(value);
    if (kind === null) others += 1;
    else found.push({ place, kind, fields: new Fields(value, problems, place) });
    const statuses = kind === "deployment" ? (value as { statuses?: unknown }).statuses : undefined;
    if (Array.isArray(statuses)) for (const [i, status] of statuses.entries()) take(status, `${place}.statuses[${i}]`);
  };
  for (const { place, body } of pages) {
    const items = typeof body === "object" && body !== null && "items" in body ? body.items : body;
    if (Array.isArray(items)) for (const [i, item] of items.entries()) take(item, `${place}[${i}]`);
    else take(items, place);
  }
  return { found, others };
}

/** The first review of each pull request, and its first approval. */
function firstReviews(reviews: readonly Fields[], context: GithubContext): readonly Fact[] {
  const first = new Map<string, { number: string; name: string; atMs: number }>();
  for (const review of reviews) {
    const number = /\/pulls\/(\d+)$/.exec(review.text("pull_request_url") ?? "")?.[1];
    if (number === undefined) review.wrong("pull_request_url", "must end with /pulls/ and the pull request's number");
    const atMs = review.instant("submitted_at");
    if (number === undefined || atMs === null) continue;
    const state = review.text("state");
    for (const name of state === "APPROVED" ? ["firstReviewedAtMs", "approvedAtMs"] : ["firstReviewedAtMs"]) {
      const known = first.get(`${number}/${name}`);
      if (!known || atMs < known.atMs) first.set(`${number}/${name}`, { number, name, atMs });
    }
  }
  return [...first.values()].map(({ number, name, atMs }) =>
    factOf({
      ...{ source: githubSource(context), id: `pull:${number}:${name}:${atMs}`, kind: "pull_request", atMs },
      ...{ key: `${context.repository}#${number}`, fields: { [name]: atMs } },
    }),
  );
}

/**
 * What each deployment brought that succeeded: its commits that were not in the one before it in its environment. Told only
 * where every commit on the way is known. One that brings an older commit back is a rollback of the one before.
 */
function broughtFacts(
  deployed: readonly Fact[],
  commits: ReadonlyMap<string, GithubCommit>,
  context: GithubContext,
): readonly Fact[] {
  const things = new Map<string, Thing>();
  for (const fact of deployed) things.set(fact.key, fold(things.get(fact.key) ?? {}, fact));
  const served = [...things]
    .map(([key, thing]) => deploymentOf(key, thing))
    .filter((one) => one !== null && one.outcome === "succeeded" && one.commit !== null && one.servedAllAtMs !== null)
    .map((one) => ({
      key: one?.key ?? "",
      environment: one?.environment ?? "",
      commit: one?.commit ?? "",
      atMs: one?.servedAllAtMs ?? 0,
    }))
    .sort((a, b) => a.atMs - b.atMs || (a.key < b.key ? -1 : 1));
  const last = new Map<string, (typeof served)[number]>();
  const bringer = new Map<string, string>();
  return served.flatMap((one) => {
    const before = last.get(one.environment);
    last.set(one.environment, one);
    if (!before) return [];
    const old = ancestors(before.commit, commits);
    const brought = between(one.commit, old, commits);
    if (brought === null) return [];
    for (const sha of brought)
      if (!bringer.has(`${one.environment}/${sha}`)) bringer.set(`${one.environment}/${sha}`, one.key);
    const isBack = brought.length === 0 && one.commit !== before.commit;
    const reverted = brought
      .map((sha) => bringer.get(`${one.environment}/${commits.get(sha)?.reverts}`))
      .find((key) => key !== undefined && key !== one.key);
    const kind = isBack ? "rollback" : reverted ? "hotfix" : brought.length === 0 ? "redeploy" : "planned";
    return [
      factOf({
        ...{
          source: githubSource(context),
          id: `brought:${one.key}:${before.commit.slice(0, 12)}`,
          kind: "deployment",
        },
        ...{ key: one.key, atMs: one.atMs, rank: 3 },
        fields: {
          ...{ commits: brought, previousCommit: before.commit, kind },
          remedies: isBack ? before.key : reverted,
        },
      }),
    ];
  });
}

/** A commit and all before it, as far as they are known, and the first ones that are not. */
function ancestors(from: string, commits: ReadonlyMap<string, GithubCommit>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(commits.get(next)?.parents ?? []));
  }
  return found;
}

/** What is before `tip` and not in `old`; null where it leads to a commit that is not known. */
function between(
  tip: string,
  old: ReadonlySet<string>,
  commits: ReadonlyMap<string, GithubCommit>,
): readonly string[] | null {
  const found = new Set<string>();
  const open = [tip];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (old.has(next) || found.has(next)) continue;
    const commit = commits.get(next);
    if (!commit) return null;
    found.add(next);
    open.push(...commit.parents);
  }
  return [...found];
}

/** `owner/name`, as the first thing says that names it; null when none does. */
export function repositoryInPages(pages: readonly GithubPage[]): string | null {
  const url = /\/repos\/([\w.-]+\/[\w.-]+)\//;
  const named = (value: unknown): string | null => {
    if (typeof value !== "object" || value === null) return null;
    for (const name of ["url", "pull_request_url", "repository_url", "deployment_url"]) {
      const said = (value as Record<string, unknown>)[name];
      const found = typeof said === "string" ? url.exec(`${said}/`)?.[1] : undefined;
      if (found) return found;
    }
    return null;
  };
  for (const { body } of pages)
    for (const item of Array.isArray(body) ? body : [body]) {
      const found = named(item);
      if (found) return found;
    }
  return null;
}
