import { err, ok, type Result } from "../../shared/result.ts";
import type { Fact, Outcome } from "../history.ts";
import { entryOf, factOf, type ImportContext, type ImportProblem } from "./fact.ts";
import { Fields, shaField } from "./fields.ts";

/** What DevLake's incoming webhook takes, so that who posts to it posts here with another address. */
const RESULTS: Readonly<Record<string, Outcome>> = { SUCCESS: "succeeded", FAILURE: "failed" };
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  PRODUCTION: "production",
  STAGING: "staging",
  TESTING: "testing",
};

/** `owner/name` of a repository's address, or the address without what may be a password. */
export function repositoryOf(url: string): string {
  const path = url
    .trim()
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  return /[/:]([\w.-]+\/[\w.-]+)$/.exec(path)?.[1] ?? path.replace(/^\w+:\/\/[^/@]*@/, "");
}

/**
 * The facts of a body of `POST .../deployments`: one deployment, of one commit or several (of several repositories). It
 * names no service, so that its address does. `source` is `webhook:<name>`.
 */
export function devlakeDeployment(
  body: unknown,
  context: ImportContext,
): Result<readonly Fact[], readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  const fields = new Fields(body, problems);
  const id = fields.required("id", "what this deployment is called; the same one again is the same deployment");
  const begun = fields.requiredInstant("startedDate", "when it began");
  const ended = fields.requiredInstant("finishedDate", "when it ended");
  const asked = fields.instant("createdDate");
  const result = fields.text("result") ?? "SUCCESS";
  const outcome = entryOf(RESULTS, result);
  if (!outcome) fields.wrong("result", "must be SUCCESS or FAILURE");
  const environment = fields.text("environment");
  const known = environment === null ? context.environment : entryOf(ENVIRONMENTS, environment);
  if (known === undefined) fields.wrong("environment", "must be PRODUCTION, STAGING, TESTING or DEVELOPMENT");
  const commits = fields.list("deploymentCommits").map((commit) => {
    commit.required("commitSha", "the commit that was deployed");
    const sha = shaField(commit, "commitSha");
    const repository = commit.text("repoUrl");
    return { sha: sha ?? "", repository, title: commit.title("commitMsg") };
  });
  if (problems.length > 0) return err(problems);
  const deployment = factOf({
    ...{ source: context.source, id: `deployment:${id}:${result}`, kind: "deployment", atMs: ended },
    key: `${context.source}/${context.service}/${id}`,
    fields: {
      ...{ source: context.source, service: context.service, environment: known, outcome },
      ...{ commit: commits[0]?.sha, label: fields.title("displayTitle") ?? fields.title("name") ?? id },
      ...{ requestedAtMs: asked, startedAtMs: begun, finishedAtMs: ended },
      servedAllAtMs: outcome === "succeeded" ? ended : null,
    },
  });
  const told = commits.map(({ sha, repository, title }) =>
    factOf({
      ...{ source: context.source, id: `commit:${sha}`, kind: "commit", key: sha, atMs: begun },
      fields: { repository: repository === null ? null : repositoryOf(repository), title },
    }),
  );
  return ok([deployment, ...told]);
}

/** The facts of a body of `POST .../issues` or `.../incidents`. Of an issue that is no incident there are none. */
export function devlakeIncident(
  body: unknown,
  context: ImportContext,
): Result<readonly Fact[], readonly ImportProblem[]> {
  const problems: ImportProblem[] = [];
  const fields = new Fields(body, problems);
  const type = fields.text("type") ?? "INCIDENT";
  const id = fields.required("issueKey", "what this incident is called");
  const created = fields.requiredInstant("createdDate", "when it began");
  const updated = fields.instant("updatedDate");
  const resolved = fields.instant("resolutionDate");
  const title = fields.title("title");
  const severity = fields.text("severity") ?? fields.text("priority");
  if (problems.length > 0) return err(problems);
  if (type.toUpperCase() !== "INCIDENT") return ok([]);
  const atMs = Math.max(created, updated ?? created, resolved ?? created);
  return ok([
    factOf({
      ...{ source: context.source, id: `incident:${id}:${atMs}`, kind: "incident", atMs },
      key: `${context.source}/${context.service}/${id}`,
      fields: {
        ...{ source: context.source, service: context.service, environment: context.environment },
        ...{ title: title ?? id, severity, startedAtMs: created, detectedAtMs: created, resolvedAtMs: resolved },
      },
    }),
  ]);
}

/** `POST .../issue/<key>/close`: it is over. DevLake takes the time of the call for its end, and so does this. */
export const devlakeIncidentClosed = (
  issueKey: string,
  closedAtMs: number,
  context: ImportContext,
): readonly Fact[] => [
  factOf({
    ...{ source: context.source, id: `incident:${issueKey}:closed`, kind: "incident", atMs: closedAtMs },
    key: `${context.source}/${context.service}/${issueKey}`,
    fields: { source: context.source, service: context.service, resolvedAtMs: closedAtMs },
  }),
];
