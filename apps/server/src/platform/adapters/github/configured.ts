import type { GithubRefusal } from "@latchkey/core/delivery/github/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Config } from "../../config.ts";
import { secretLines } from "../../secret-lines.ts";
import { GithubApp } from "./app.ts";

/** What the server was told of GitHub. Secrets are in files or in the environment, never in flags, which every process of the machine can read. */
export interface GithubAccess {
  /** Where repositories are cloned from. */
  readonly url: string;
  readonly apiUrl: string;
  readonly pollMs: number | null;
  readonly oidcIssuer: string;
  /** Whom GitHub takes this server for: an App, whoever a token is of, or nobody. */
  identity(): Promise<"app" | "token" | "nobody">;
  /** Good for this repository. Read or made at each use: platforms renew tokens. */
  tokenFor(repository: string): Promise<Result<string, GithubRefusal>>;
  /** GitHub does not take it any more. */
  forgetTokenOf(repository: string): void;
  /** Those that deliveries may be signed with: two while the secret is changed. */
  webhookSecrets(): Promise<readonly string[]>;
}

const SECRETS_MAX = 2;
const NO_TOKEN: GithubRefusal = {
  words: "this server has no token for GitHub (--github-token-file, or --github-app-id and --github-app-key-file)",
  retryAfterMs: 60_000,
  isGone: false,
  status: null,
};

export function githubAccessOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): GithubAccess {
  const token = secretLines(config.githubTokenFile, env.LATCHKEY_GITHUB_TOKEN);
  const secrets = secretLines(config.githubWebhookSecretFile, env.LATCHKEY_GITHUB_WEBHOOK_SECRET);
  const apiUrl = config.githubApiUrl ?? "https://api.github.com";
  const app =
    config.githubAppId !== undefined && config.githubAppKeyFile !== undefined
      ? new GithubApp({ apiUrl, appId: config.githubAppId, keyFile: config.githubAppKeyFile })
      : null;
  return {
    url: config.githubUrl ?? "https://github.com",
    apiUrl,
    pollMs: config.githubPollSeconds === undefined ? null : config.githubPollSeconds * 1_000,
    oidcIssuer: config.githubOidcIssuer ?? "https://token.actions.githubusercontent.com",
    identity: async () => (app ? "app" : (await token())[0] === undefined ? "nobody" : "token"),
    tokenFor: async (repository) => {
      if (app) return app.tokenFor(repository);
      const [own] = await token();
      return own === undefined ? err(NO_TOKEN) : ok(own);
    },
    forgetTokenOf: (repository) => app?.forget(repository),
    webhookSecrets: async () => (await secrets()).slice(0, SECRETS_MAX),
  };
}
