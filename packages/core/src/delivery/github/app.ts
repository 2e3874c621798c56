import { EVENTS } from "./facts.ts";

/** What Latchkey does on GitHub, and nothing else. `metadata` is what every App has. */
export const GITHUB_APP_PERMISSIONS = {
  metadata: "read",
  contents: "read",
  pull_requests: "write",
  checks: "write",
  deployments: "write",
  actions: "read",
  security_events: "read",
  vulnerability_alerts: "read",
  secret_scanning_alerts: "read",
} as const;

/** What GitHub is asked to make an App from ("Registering a GitHub App from a manifest"). `url` is the server's address. */
export const githubAppManifest = (o: { readonly name: string; readonly url: string }) => ({
  name: o.name,
  url: o.url,
  hook_attributes: { url: `${o.url}/hooks/github`, active: true },
  redirect_url: `${o.url}/pipeline`,
  public: false,
  default_permissions: GITHUB_APP_PERMISSIONS,
  default_events: EVENTS,
});
