import type {
  CheckReport,
  CommentReport,
  DeploymentReport,
  GithubRefusal,
  GithubTelling,
  StatusReport,
} from "@latchkey/core/delivery/github/ports";
import { ok, type Result } from "@latchkey/core/shared/result";
import type { GithubClient } from "./client.ts";
import type { GithubAccess } from "./configured.ts";

const PAGE = 100;
/** GitHub's limit for the description of a commit's status. */
const DESCRIPTION_MAX = 140;
/** Comments are looked through up to here: 1,000 of one pull request. */
const PAGES_MAX = 10;
type Told = Promise<Result<number, GithubRefusal>>;
type Item = Readonly<Record<string, unknown>>;
const itemsOf = (data: unknown): readonly Item[] => (Array.isArray(data) ? (data as Item[]) : []);
const idOf = (data: unknown): number => Number((data as { id?: unknown } | null)?.id ?? 0);

/**
 * Tells GitHub. A server may die between an answer of GitHub and its own note of it: what is there already is looked for by its
 * mark before anything is made.
 */
export function githubTelling(client: GithubClient, identity: GithubAccess["identity"]): GithubTelling {
  return {
    check: async (repository, report, knownId) => {
      if ((await identity()) !== "app") return tellCommitStatus(client, repository, report);
      const found = knownId === null ? await findCheck(client, repository, report) : ok(knownId);
      if (!found.ok) return found;
      const said = {
        name: report.name,
        external_id: report.externalId,
        details_url: report.detailsUrl,
        status: report.status,
        ...(report.conclusion === null ? {} : { conclusion: report.conclusion }),
        output: { title: report.title, summary: report.summary },
      };
      const done =
        found.value === null
          ? await client.ask("POST /repos/{owner}/{repo}/check-runs", repository, { ...said, head_sha: report.headSha })
          : await client.ask("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", repository, {
              ...said,
              check_run_id: found.value,
            });
      return done.ok ? ok(idOf(done.value.data)) : done;
    },
    deployment: (repository, report) => tellDeployment(client, repository, report),
    status: (repository, deploymentId, report) => tellStatus(client, repository, deploymentId, report),
    comment: async (repository, report, knownId) => {
      const found = knownId === null ? await findComment(client, repository, report) : ok(knownId);
      if (!found.ok) return found;
      const done =
        found.value === null
          ? await client.ask("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", repository, {
              issue_number: report.pullRequest,
              body: report.body,
            })
          : await client.ask("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", repository, {
              comment_id: found.value,
              body: report.body,
            });
      return done.ok ? ok(idOf(done.value.data)) : done;
    },
  };
}

/** What GitHub lets everybody write, who may not write checks. Of those with one context the newest counts. */
async function tellCommitStatus(client: GithubClient, repository: string, report: CheckReport): Told {
  const said = {
    state: report.conclusion === null ? "pending" : report.conclusion === "success" ? "success" : "failure",
    description: report.title.slice(0, DESCRIPTION_MAX),
    context: report.name,
    target_url: report.detailsUrl,
  };
  const there = await client.ask("GET /repos/{owner}/{repo}/commits/{ref}/statuses", repository, {
    ref: report.headSha,
    per_page: PAGE,
  });
  if (!there.ok) return there;
  const newest = itemsOf(there.value.data).find((status) => status.context === said.context);
  if (newest && Object.entries(said).every(([name, value]) => newest[name] === value)) return ok(idOf(newest));
  const made = await client.ask("POST /repos/{owner}/{repo}/statuses/{sha}", repository, {
    ...said,
    sha: report.headSha,
  });
  return made.ok ? ok(idOf(made.value.data)) : made;
}

type Found = Promise<Result<number | null, GithubRefusal>>;

async function findCheck(client: GithubClient, repository: string, report: CheckReport): Found {
  const asked = { ref: report.headSha, check_name: report.name, per_page: PAGE };
  const found = await client.ask("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", repository, asked);
  if (!found.ok) return found;
  const runs = itemsOf((found.value.data as { check_runs?: unknown } | null)?.check_runs);
  const own = runs.find((run) => run.external_id === report.externalId);
  return ok(own ? idOf(own) : null);
}

async function tellDeployment(client: GithubClient, repository: string, report: DeploymentReport): Told {
  const asked = { sha: report.ref, environment: report.environment, per_page: PAGE };
  const found = await client.ask("GET /repos/{owner}/{repo}/deployments", repository, asked);
  if (!found.ok) return found;
  const own = itemsOf(found.value.data).find(
    (d) => (d.payload as { latchkey?: unknown } | null)?.latchkey === report.mark,
  );
  if (own) return ok(idOf(own));
  const made = await client.ask("POST /repos/{owner}/{repo}/deployments", repository, {
    ref: report.ref,
    environment: report.environment,
    description: report.description,
    payload: { latchkey: report.mark },
    // Latchkey has its own gates: GitHub would refuse the deployment while its checks run, or merge the branch into it.
    auto_merge: false,
    required_contexts: [],
    production_environment: report.production,
    ...(report.transient ? { transient_environment: true } : {}),
  });
  return made.ok ? ok(idOf(made.value.data)) : made;
}

async function tellStatus(client: GithubClient, repository: string, deploymentId: number, report: StatusReport): Told {
  const path = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
  const found = await client.ask(`GET ${path}`, repository, { deployment_id: deploymentId, per_page: 1 });
  if (!found.ok) return found;
  const [newest] = itemsOf(found.value.data);
  const { environmentUrl } = report;
  if (
    newest &&
    newest.state === report.state &&
    newest.description === report.description &&
    (environmentUrl === undefined || newest.environment_url === environmentUrl)
  )
    return ok(idOf(newest));
  const made = await client.ask(`POST ${path}`, repository, {
    deployment_id: deploymentId,
    state: report.state,
    description: report.description,
    log_url: report.logUrl,
    ...(environmentUrl === undefined ? {} : { environment_url: environmentUrl }),
  });
  return made.ok ? ok(idOf(made.value.data)) : made;
}

async function findComment(client: GithubClient, repository: string, report: CommentReport): Found {
  for (let page = 1; page <= PAGES_MAX; page++) {
    const asked = { issue_number: report.pullRequest, per_page: PAGE, page };
    const found = await client.ask("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", repository, asked);
    if (!found.ok) return found;
    const items = itemsOf(found.value.data);
    const own = items.find((c) => typeof c.body === "string" && c.body.startsWith(report.mark));
    if (own || items.length < PAGE) return ok(own ? idOf(own) : null);
  }
  return ok(null);
}
