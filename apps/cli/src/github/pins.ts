/**
 * Actions of others, each by the commit that its version had: a tag can be moved to another commit, a commit can't. Dependabot
 * (package-ecosystem: github-actions) proposes newer ones and keeps the comment true.
 */
export const PINS = {
  "actions/checkout": { sha: "11bd71901bbe5b1630ceea73d27597364c9af683", version: "v4.2.2" },
  "actions/setup-node": { sha: "49933ea5288caeca8642d1e84afbd3f7d6820020", version: "v4.4.0" },
  "actions/upload-artifact": { sha: "ea165f8d65b6e75b540449e92b4886f43607fa02", version: "v4.6.2" },
  "aquasecurity/trivy-action": { sha: "ed142fd0673e97e23eac54620cfb913e5ce36c25", version: "v0.36.0" },
  "dependency-check/Dependency-Check_Action": { sha: "75ba02d6183445fe0761d26e836bde58b1560600", version: "v1.1.0" },
  "github/codeql-action": { sha: "ff0a06e83cb2de871e5a09832bc6a81e7276941f", version: "v3.28.18" },
  "gitleaks/gitleaks-action": { sha: "ff98106e4c7b2bc287b24eaf42907196329070c7", version: "v2.3.9" },
  "hashicorp/setup-terraform": { sha: "b9cd54a3c349d3f38e8881555d616ced269862dd", version: "v3.1.2" },
  "snyk/actions": { sha: "9adf32b1121593767fc3c057af55b55db032dc04", version: "v1.0.0" },
  "trufflesecurity/trufflehog": { sha: "6f3c981e7b77f235fd2702dd74af25fc4b72bf11", version: "v3.96.0" },
} as const;
export type PinnedAction = keyof typeof PINS;

/** What stands behind `uses:`; `part` is the folder of an action in a repository of several. */
export function uses(action: PinnedAction, part = ""): string {
  const { sha, version } = PINS[action];
  return `${action}${part === "" ? "" : `/${part}`}@${sha} # ${version}`;
}
