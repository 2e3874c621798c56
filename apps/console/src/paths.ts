/** Every address of the console: links are made here only, and `router.tsx` answers to the same patterns. */
export type ServiceTab = "overview" | "deployments" | "releases" | "planning" | "configuration";

/** What the pages of Insights share: a service, and a window of whole days in UTC or the last so many days. */
export interface InsightsFilter {
  readonly service?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly days?: string | undefined;
}

const withQuery = (path: string, query: Record<string, string | undefined>): string => {
  const set = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) set.set(key, value);
  return set.size > 0 ? `${path}?${set}` : path;
};

export const to = {
  overview: () => "/",
  signIn: (back?: string) => withQuery("/sign-in", { back }),
  service: (service: string, tab?: ServiceTab) => withQuery(`/services/${encodeURIComponent(service)}`, { tab }),
  ship: (service: string, environment?: string, releaseId?: string) =>
    withQuery(`/services/${encodeURIComponent(service)}`, { dialog: "ship", environment, release: releaseId }),
  deployments: (wall?: "1") => withQuery("/deployments", { wall }),
  deployment: (id: string) => `/deployments/${encodeURIComponent(id)}`,
  release: (id: string) => `/releases/${encodeURIComponent(id)}`,
  rollout: (id: string, ask?: string) => withQuery(`/rollouts/${encodeURIComponent(id)}`, { ask }),
  pipeline: () => "/pipeline",
  ledger: (filter: { type?: string; subject?: string } = {}) => withQuery("/ledger", filter),
  ledgerEntry: (sequence: number) => `/ledger/${sequence}`,
  approvals: (approval?: string, ask?: "approve" | "reject") => withQuery("/approvals", { approval, ask }),
  flags: () => "/flags",
  flag: (key: string, environment?: string) => withQuery(`/flags/${encodeURIComponent(key)}`, { environment }),
  compareFlags: () => "/flag-environments/compare",
  editFlag: (key: string, environment?: string, take?: string) =>
    withQuery(`/flags/${encodeURIComponent(key)}/edit`, { environment, take }),
  flagResults: (key: string) => `/flags/${encodeURIComponent(key)}/results`,
  insights: (filter: InsightsFilter = {}) => withQuery("/insights", { ...filter }),
  insightDeployments: (filter: InsightsFilter & { only?: "failed" | "rework" | "counted" | undefined } = {}) =>
    withQuery("/insights/deployments", { ...filter }),
  insightIncidents: (filter: InsightsFilter = {}) => withQuery("/insights/incidents", { ...filter }),
  insightConflicts: () => "/insights/conflicts",
  targets: () => "/targets",
  health: () => "/health",
  settings: () => "/settings",
  notifications: (query: { dialog?: string } = {}) => withQuery("/notifications", query),
} as const;

/** The page of a ledger entry's subject ("rollout/rol_..."), when there is one. */
export function ofSubject(subject: string): string | null {
  const slash = subject.indexOf("/");
  const kind = subject.slice(0, slash);
  const id = subject.slice(slash + 1);
  if (slash < 0 || id === "") return null;
  if (kind === "rollout") return to.rollout(id);
  if (kind === "deployment") return to.deployment(id);
  if (kind === "release") return to.release(id);
  if (kind === "service") return to.service(id);
  if (kind === "approval") return to.approvals(id);
  if (kind === "freeze") return to.approvals();
  if (kind === "flag") return to.flag(id);
  if (kind === "flag_segment" || kind === "flag_key") return to.flags();
  if (kind === "person") return to.settings();
  if (kind === "token") return to.settings();
  if (kind === "notification_channel" || kind === "notification_rule") return to.notifications();
  return null;
}
