import type { RolloutAction } from "./api/types.ts";
import type { ServiceTab } from "./paths.ts";

/** What stands behind "?" in each page's address. What is not understood is left out, never an error. */
type Raw = Record<string, unknown>;
type Optional<T> = { [K in keyof T]?: T[K] | undefined };

const text = (value: unknown): string | undefined => {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
};
const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined =>
  allowed.find((one) => one === value);
const number = (value: unknown): number | undefined => {
  const n = Number(value);
  return value !== undefined && value !== "" && Number.isFinite(n) ? n : undefined;
};

export const SERVICE_TABS: readonly ServiceTab[] = ["overview", "deployments", "releases", "planning", "configuration"];
export const ROLLOUT_ACTIONS: readonly RolloutAction[] = ["pause", "resume", "promote", "roll_back", "abort"];

export const signIn = (raw: Raw): Optional<{ back: string }> => {
  const back = text(raw.back);
  // Only a path of this console: an address elsewhere would make sign-in a way to lure people away.
  return { back: back?.startsWith("/") && !/^\/[/\\]/.test(back) ? back : undefined };
};

export interface ServiceSearch {
  tab: ServiceTab;
  dialog: "ship";
  environment: string;
  release: string;
  window: number;
}
export const service = (raw: Raw): Optional<ServiceSearch> => ({
  tab: oneOf(raw.tab, SERVICE_TABS),
  dialog: oneOf(raw.dialog, ["ship"] as const),
  environment: text(raw.environment),
  release: text(raw.release),
  window: number(raw.window),
});

/** `waive`: the gate whose dialog is open. */
export const deployment = (raw: Raw): Optional<{ gate: string; waive: string }> => ({
  gate: text(raw.gate),
  waive: text(raw.waive),
});
export const release = (raw: Raw): Optional<{ files: string; show: "changed" | "all" }> => ({
  files: text(raw.files),
  show: oneOf(raw.show, ["changed", "all"] as const),
});

export interface RolloutSearch {
  /** The action whose dialog is open. */
  ask: RolloutAction;
  view: "table";
  explain: "1";
  /** Zoom of the charts, seconds since 1970. */
  from: number;
  to: number;
}
export const rollout = (raw: Raw): Optional<RolloutSearch> => ({
  ask: oneOf(raw.ask, ROLLOUT_ACTIONS),
  view: oneOf(raw.view, ["table"] as const),
  explain: text(raw.explain) === "1" ? "1" : undefined,
  from: number(raw.from),
  to: number(raw.to),
});

export const deployments = (raw: Raw): Optional<{ wall: "1" }> => ({
  wall: text(raw.wall) === "1" ? "1" : undefined,
});

export const ledger = (raw: Raw): Optional<{ type: string; subject: string }> => ({
  type: text(raw.type),
  subject: text(raw.subject),
});

export interface ApprovalsSearch {
  /** The one that is open. */
  approval: string;
  ask: "approve" | "reject";
  dialog: "freeze";
  /** The freeze whose end is asked for. */
  lift: string;
}
export const approvals = (raw: Raw): Optional<ApprovalsSearch> => ({
  approval: text(raw.approval),
  ask: oneOf(raw.ask, ["approve", "reject"] as const),
  dialog: oneOf(raw.dialog, ["freeze"] as const),
  lift: text(raw.lift),
});

export interface SettingsSearch {
  dialog: "token" | "link" | "person";
  revoke: string;
  /** The person who is changed, invited or removed. */
  person: string;
  ask: "change" | "invite" | "remove";
}
export const settings = (raw: Raw): Optional<SettingsSearch> => ({
  dialog: oneOf(raw.dialog, ["token", "link", "person"] as const),
  person: text(raw.person),
  ask: oneOf(raw.ask, ["change", "invite", "remove"] as const),
  revoke: text(raw.revoke),
});

export interface NotificationsSearch {
  dialog: "channel" | "rule";
  /** The channel or rule whose dialog is open. */
  channel: string;
  rule: string;
  show: "dead" | "waiting" | "held" | "delivered";
}
export const notifications = (raw: Raw): Optional<NotificationsSearch> => ({
  dialog: oneOf(raw.dialog, ["channel", "rule"] as const),
  channel: text(raw.channel),
  rule: text(raw.rule),
  show: oneOf(raw.show, ["dead", "waiting", "held", "delivered"] as const),
});

const HEALTHS = ["in_use", "new", "never_evaluated", "one_sided", "stale"] as const;
export const flags = (
  raw: Raw,
): Optional<{ search: string; archived: "1"; health: (typeof HEALTHS)[number]; dialog: "new" | "key" }> => ({
  search: text(raw.search),
  health: oneOf(raw.health, HEALTHS),
  archived: oneOf(String(raw.archived), ["1"] as const),
  dialog: oneOf(raw.dialog, ["new", "key"] as const),
});
export const flag = (raw: Raw): Optional<{ environment: string; dialog: "archive"; restore: number }> => ({
  environment: text(raw.environment),
  dialog: oneOf(raw.dialog, ["archive"] as const),
  restore: number(raw.restore),
});
export const compareFlags = (raw: Raw): Optional<{ from: string; to: string }> => ({
  from: text(raw.from),
  to: text(raw.to),
});
export const editFlag = (raw: Raw): Optional<{ environment: string; take: string; dialog: "save" }> => ({
  take: text(raw.take),
  environment: text(raw.environment),
  dialog: oneOf(raw.dialog, ["save"] as const),
});

/** A day of the calendar, as it stands in the address: "2026-08-03". */
const calendarDay = (value: unknown): string | undefined => {
  const day = text(value);
  return day && /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(day)) ? day : undefined;
};

/** The window of the pages of Insights: own days from and to (both belong to it), or the last so many days. */
export interface InsightsWindow {
  service: string;
  from: string;
  to: string;
  days: "7" | "30" | "90" | "365";
}
export interface InsightsSearch extends InsightsWindow {
  by: "day" | "week" | "month";
  definition: "dora-2025" | "dora-2021" | "guide";
  /** As it was known at the end of this day. */
  known: string;
  view: "table";
}
const insightsWindow = (raw: Raw): Optional<InsightsWindow> => ({
  service: text(raw.service),
  from: calendarDay(raw.from),
  to: calendarDay(raw.to),
  days: oneOf(text(raw.days), ["7", "30", "90", "365"] as const),
});
export const insightIncidents = insightsWindow;
export const insights = (raw: Raw): Optional<InsightsSearch> => ({
  ...insightsWindow(raw),
  by: oneOf(raw.by, ["day", "week", "month"] as const),
  definition: oneOf(raw.definition, ["dora-2025", "dora-2021", "guide"] as const),
  known: calendarDay(raw.known),
  view: oneOf(raw.view, ["table"] as const),
});
export interface InsightDeploymentsSearch extends InsightsWindow {
  only: "failed" | "rework" | "counted";
  /** The deployment that is corrected, or the correction that is taken back. */
  correct: string;
  withdraw: string;
}
export const insightDeployments = (raw: Raw): Optional<InsightDeploymentsSearch> => ({
  ...insightsWindow(raw),
  only: oneOf(raw.only, ["failed", "rework", "counted"] as const),
  correct: text(raw.correct),
  withdraw: text(raw.withdraw),
});
