import { err, ok, type Result } from "../../shared/result.ts";
import type { Fact, FactValue, Outcome } from "../history.ts";
import { entryOf, factOf, type ImportContext, type ImportProblem } from "./fact.ts";
import { Fields, shaField } from "./fields.ts";
import { revertsIn } from "./git-messages.ts";

/** What GitHub's REST API and its events tell of one thing. What is told of no thing here is left alone. */
export const GITHUB_KINDS = ["pull", "review", "commit", "deployment", "status", "release"] as const;
export type GithubKind = (typeof GITHUB_KINDS)[number];

const has = (value: object, ...names: readonly string[]): boolean => names.every((name) => Object.hasOwn(value, name));
/** Which kind of thing an object of GitHub's is, by fields that only it has; null for all others. */
export function githubKind(value: unknown): GithubKind | null {
  if (typeof value !== "object" || value === null) return null;
  if (has(value, "pull_request_url", "submitted_at", "state")) return "review";
  if (has(value, "number", "merged_at", "base")) return "pull";
  if (has(value, "sha", "commit", "parents")) return "commit";
  if (has(value, "state", "deployment_url")) return "status";
  if (has(value, "id", "sha", "environment", "task")) return "deployment";
  return has(value, "tag_name", "published_at") ? "release" : null;
}

/** The service and, where GitHub names none, the environment; `repository` is `owner/name`. */
export interface GithubContext extends Omit<ImportContext, "source"> {
  readonly repository: string;
}
export const githubSource = ({ repository }: GithubContext): string => `github:${repository}`;
export const deploymentKeyOf = (context: GithubContext, id: string): string =>
  `${githubSource(context)}/deployment/${id}`;

/** Everywhere written differently: `Production` is production. */
const environmentName = (name: string): string => (name.toLowerCase() === "production" ? "production" : name);

export function pullFacts(pull: Fields, context: GithubContext): readonly Fact[] {
  const number = pull.required("number", "of the pull request");
  const openedAtMs = pull.requiredInstant("created_at", "when it was opened");
  const atMs = pull.instant("updated_at") ?? openedAtMs;
  const mergedAtMs = pull.instant("merged_at");
  const closedAtMs = pull.instant("closed_at");
  const labels = pull.list("labels").map((label) => label.title("name") ?? "");
  // Before it is merged GitHub names a commit there that only tries how it would be.
  const mergeCommit = mergedAtMs === null ? undefined : shaField(pull, "merge_commit_sha");
  return [
    factOf({
      ...{ source: githubSource(context), id: `pull:${number}:${atMs}:${mergedAtMs === null ? "" : "merged"}` },
      ...{ kind: "pull_request", key: `${context.repository}#${number}`, atMs, rank: mergedAtMs === null ? 0 : 1 },
      fields: {
        ...{ repository: context.repository, number: Number(number), title: pull.title("title"), labels },
        ...{ openedAtMs, mergedAtMs, closedAtMs, mergeCommit },
      },
    }),
  ];
}

export interface GithubCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  /** The commit that it says it takes back. */
  readonly reverts: string | null;
  readonly fact: Fact;
}
export function commitIn(value: Fields, context: GithubContext): GithubCommit {
  value.required("sha", "the commit's name");
  const sha = shaField(value, "sha") ?? "";
  const inner = value.inner("commit") ?? value.missing("commit", "its message and times");
  const message = inner.words("message") ?? "";
  const [title = "", ...body] = message.split("\n");
  const parents = value.list("parents").map((parent) => shaField(parent, "sha") ?? "");
  const authoredAtMs = inner.inner("author")?.instant("date") ?? null;
  const committedAtMs = inner.inner("committer")?.instant("date") ?? authoredAtMs;
  const said = { sha, parents, title, body: body.join("\n"), authoredAtMs: 0, committedAtMs: 0 };
  const reverts = revertsIn(said).commits.find((name) => name.length >= 40) ?? null;
  const fact = factOf({
    ...{ source: githubSource(context), id: `commit:${sha}`, kind: "commit", key: sha, atMs: committedAtMs ?? 0 },
    fields: {
      ...{ repository: context.repository, authoredAtMs, committedAtMs, title: title.slice(0, 300), reverts },
      isMerge: parents.length > 1,
    },
  });
  return { sha, parents, reverts, fact };
}

export function deploymentFacts(deployment: Fields, context: GithubContext): readonly Fact[] {
  const id = deployment.required("id", "of the deployment");
  const sha = shaField(deployment, "sha");
  const requestedAtMs = deployment.requiredInstant("created_at", "when it was asked for");
  const environment = deployment.text("environment");
  return [
    factOf({
      ...{ source: githubSource(context), id: `deployment:${id}`, kind: "deployment", atMs: requestedAtMs },
      key: deploymentKeyOf(context, id),
      fields: {
        ...{ source: githubSource(context), service: context.service, commit: sha, requestedAtMs, outcome: "running" },
        environment: environment === null ? context.environment : environmentName(environment),
        isProduction: deployment.truth("production_environment"),
        label: deployment.title("ref")?.slice(0, 80),
      },
    }),
  ];
}

const STATES: Readonly<
  Record<string, { readonly rank: number; readonly outcome: Outcome; readonly at: readonly string[] }>
> = {
  queued: { rank: 1, outcome: "running", at: [] },
  pending: { rank: 1, outcome: "running", at: [] },
  waiting: { rank: 1, outcome: "running", at: [] },
  in_progress: { rank: 2, outcome: "running", at: ["startedAtMs"] },
  success: { rank: 3, outcome: "succeeded", at: ["servedAllAtMs", "finishedAtMs"] },
  failure: { rank: 3, outcome: "failed", at: ["finishedAtMs"] },
  error: { rank: 3, outcome: "failed", at: ["finishedAtMs"] },
};
/**
 * One status of a deployment: a deployment has many, and is counted once, by its id. `inactive` says that a later one is
 * served now, which takes nothing from how it went.
 */
export function statusFacts(status: Fields, context: GithubContext): readonly Fact[] {
  const id = status.required("id", "of the status");
  const url = status.text("deployment_url") ?? "";
  const deployment = /\/deployments\/(\d+)$/.exec(url)?.[1];
  if (deployment === undefined) status.wrong("deployment_url", "must end with /deployments/ and the deployment's id");
  const atMs = status.requiredInstant("created_at", "when it was said");
  const state = status.required("state", "how it stands");
  const known = entryOf(STATES, state);
  if (!known) {
    if (state !== "" && state !== "inactive")
      status.wrong("state", `is ${state.slice(0, 40)}, which GitHub has no deployment in`);
    return [];
  }
  const times: Record<string, FactValue> = {};
  for (const name of known.at) times[name] = atMs;
  return [
    factOf({
      ...{ source: githubSource(context), id: `deployment_status:${id}`, kind: "deployment", atMs, rank: known.rank },
      key: deploymentKeyOf(context, deployment ?? ""),
      fields: { outcome: known.outcome, ...times },
    }),
  ];
}

/** A release that is out, for repositories that deploy what they release. Drafts and those before a release are not. */
export function releaseFacts(release: Fields, context: GithubContext): readonly Fact[] {
  const id = release.required("id", "of the release");
  const publishedAtMs = release.instant("published_at");
  const label = release.required("tag_name", "the tag that is released");
  const at = release.text("target_commitish") ?? "";
  const isOut = release.truth("draft") !== true && release.truth("prerelease") !== true;
  if (publishedAtMs === null || !isOut) return [];
  return [
    factOf({
      ...{ source: githubSource(context), id: `release:${id}`, kind: "deployment", atMs: publishedAtMs },
      key: `${githubSource(context)}/release/${id}`,
      fields: {
        ...{ source: githubSource(context), service: context.service, environment: context.environment, label },
        ...{ outcome: "succeeded", commit: /^[0-9a-f]{40}$/.test(at) ? at : null },
        ...{ servedAllAtMs: publishedAtMs, finishedAtMs: publishedAtMs },
      },
    }),
  ];
}

/** The facts of one event of GitHub's (`X-GitHub-Event`). Of events that are about no such thing there are none. */
export function githubEventFacts(
  event: string,
  body: unknown,
  o: Omit<GithubContext, "repository">,
): Result<readonly Fact[], readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  if (event !== "pull_request" && event !== "deployment" && event !== "deployment_status") return ok([]);
  const fields = new Fields(body, problems);
  const inner = (name: string): Fields => fields.inner(name) ?? fields.missing(name, "what the event is about");
  const repository = inner("repository").required("full_name", "owner/name of the repository");
  const context: GithubContext = { ...o, repository };
  const facts: Fact[] = [];
  if (event === "pull_request") facts.push(...pullFacts(inner("pull_request"), context));
  else facts.push(...deploymentFacts(inner("deployment"), context));
  if (event === "deployment_status") facts.push(...statusFacts(inner("deployment_status"), context));
  return problems.length > 0 ? err(problems) : ok(facts);
}
