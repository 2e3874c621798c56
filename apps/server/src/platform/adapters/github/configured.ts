import type { Config } from "../../config.ts";
import { secretLines } from "../../secret-lines.ts";

/** What the server was told of GitHub. Secrets are in files or in the environment, never in flags, which every process of the machine can read. */
export interface GithubAccess {
  /** Where repositories are cloned from. */
  readonly url: string;
  readonly apiUrl: string;
  readonly pollMs: number | null;
  readonly oidcIssuer: string;
  /** Null where none was given, or its file can't be read. Read at each use: platforms renew tokens. */
  token(): Promise<string | null>;
  /** Those that deliveries may be signed with: two while the secret is changed. */
  webhookSecrets(): Promise<readonly string[]>;
}

const SECRETS_MAX = 2;

export function githubAccessOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): GithubAccess {
  const token = secretLines(config.githubTokenFile, env.LATCHKEY_GITHUB_TOKEN);
  const secrets = secretLines(config.githubWebhookSecretFile, env.LATCHKEY_GITHUB_WEBHOOK_SECRET);
  return {
    url: config.githubUrl ?? "https://github.com",
    apiUrl: config.githubApiUrl ?? "https://api.github.com",
    pollMs: config.githubPollSeconds === undefined ? null : config.githubPollSeconds * 1_000,
    oidcIssuer: config.githubOidcIssuer ?? "https://token.actions.githubusercontent.com",
    token: async () => (await token())[0] ?? null,
    webhookSecrets: async () => (await secrets()).slice(0, SECRETS_MAX),
  };
}
