import type { Config } from "../../config.ts";
import { secretLines } from "../../secret-lines.ts";

/** What the server was told of Netlify. Secrets are in files or in the environment, never in flags or in the catalog. */
export interface NetlifyAccess {
  readonly apiUrl: string;
  /** Null where none was given, or its file can't be read. */
  token(): Promise<string | null>;
  /** Those that webhooks may be signed with: two while the secret is changed. */
  webhookSecrets(): Promise<readonly string[]>;
}
const SECRETS_MAX = 2;

export function netlifyAccessOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): NetlifyAccess {
  const token = secretLines(config.netlifyTokenFile, env.LATCHKEY_NETLIFY_TOKEN);
  const secrets = secretLines(config.netlifyWebhookSecretFile, env.LATCHKEY_NETLIFY_WEBHOOK_SECRET);
  return {
    apiUrl: config.netlifyApiUrl ?? "https://api.netlify.com/api/v1",
    token: async () => (await token())[0] ?? null,
    webhookSecrets: async () => (await secrets()).slice(0, SECRETS_MAX),
  };
}
