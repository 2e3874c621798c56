/** Where a command runs, as far as a deployment concerns. */
export interface Ci {
  readonly system: "GitHub Actions" | "GitLab CI" | "CI" | "none";
  readonly commit: string | null;
  readonly branch: string | null;
  /** The page of this run. */
  readonly url: string | null;
  /** It is for a change that is not merged: there is nothing to deploy. */
  readonly isProposal: boolean;
}
type Environment = Readonly<Record<string, string | undefined>>;

/** Where other systems say which commit they work on, and where their page is. */
const COMMITS = [
  "BUILDKITE_COMMIT",
  "CIRCLE_SHA1",
  "BITBUCKET_COMMIT",
  "BUILD_SOURCEVERSION",
  "GIT_COMMIT",
  "DRONE_COMMIT_SHA",
  "COMMIT_SHA",
];
const BRANCHES = [
  "BUILDKITE_BRANCH",
  "CIRCLE_BRANCH",
  "BITBUCKET_BRANCH",
  "BUILD_SOURCEBRANCHNAME",
  "GIT_BRANCH",
  "DRONE_BRANCH",
];
const URLS = ["BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL", "DRONE_BUILD_LINK"];
const PROPOSALS = [
  "CIRCLE_PULL_REQUEST",
  "BITBUCKET_PR_ID",
  "CHANGE_ID",
  "DRONE_PULL_REQUEST",
  "SYSTEM_PULLREQUEST_PULLREQUESTID",
];

/** Finds the CI system by its variables. `readText` reads GitHub's event, which alone names a pull request's own commit. */
export function ciFrom(env: Environment, readText: (file: string) => string | null): Ci {
  if (env.GITHUB_ACTIONS === "true") return github(env, readText);
  if (env.GITLAB_CI === "true")
    return {
      system: "GitLab CI",
      commit: env.CI_COMMIT_SHA || null,
      branch: env.CI_COMMIT_BRANCH || env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME || null,
      url: env.CI_JOB_URL || env.CI_PIPELINE_URL || null,
      isProposal: Boolean(env.CI_MERGE_REQUEST_IID),
    };
  const first = (names: readonly string[]): string | null =>
    names.map((name) => env[name]).find((value) => value) ?? null;
  const isBuildkiteProposal = env.BUILDKITE_PULL_REQUEST !== undefined && env.BUILDKITE_PULL_REQUEST !== "false";
  return {
    system: env.CI ? "CI" : "none",
    commit: first(COMMITS),
    branch: first(BRANCHES),
    url: first(URLS),
    isProposal: isBuildkiteProposal || first(PROPOSALS) !== null,
  };
}

function github(env: Environment, readText: (file: string) => string | null): Ci {
  const isProposal = (env.GITHUB_EVENT_NAME ?? "").startsWith("pull_request");
  // GITHUB_SHA of a pull request is a merge that GitHub made up: no release will ever be of it.
  const head = isProposal && env.GITHUB_EVENT_PATH ? headOf(readText(env.GITHUB_EVENT_PATH)) : null;
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  return {
    system: "GitHub Actions",
    commit: head ?? (env.GITHUB_SHA || null),
    branch: env.GITHUB_HEAD_REF || env.GITHUB_REF_NAME || null,
    url: server && repository && run ? `${server}/${repository}/actions/runs/${run}` : null,
    isProposal,
  };
}

function headOf(text: string | null): string | null {
  try {
    const event = JSON.parse(text ?? "null") as { pull_request?: { head?: { sha?: unknown } } } | null;
    const sha = event?.pull_request?.head?.sha;
    return typeof sha === "string" ? sha : null;
  } catch {
    return null;
  }
}
