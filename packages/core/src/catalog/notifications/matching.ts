import type { Zone } from "../../shared/zone.ts";
import {
  type Entry,
  environmentOf,
  type Outcome,
  outcomeOf,
  type Severity,
  serviceOf,
  severityOf,
  worse,
} from "./entry.ts";
import { type QuietHours, quietUntil } from "./quiet-hours.ts";

/** Which entries go where. An empty list of a filter means all. */
export interface Rule {
  readonly id: string;
  readonly project: string;
  readonly enabled: boolean;
  /** Patterns of entry types; `*` stands for any text. */
  readonly types: readonly string[];
  readonly services: readonly string[];
  readonly environments: readonly string[];
  readonly outcomes: readonly Outcome[];
  readonly channelIds: readonly string[];
  /** `auto` goes by the outcome. */
  readonly severity: Severity | "auto";
  readonly quietHours: QuietHours | null;
}

/** Whether a pattern such as `delivery.rollout.*` covers a type. Linear in both: a pattern is anybody's text. */
export function typeMatches(pattern: string, type: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === type;
  const last = rest.pop() ?? "";
  if (!type.startsWith(first) || type.length < first.length + last.length || !type.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = type.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= type.length - last.length;
}

const allows = (list: readonly string[], value: string | null): boolean =>
  list.length === 0 || (value !== null && list.includes(value));

export function matches(rule: Rule, entry: Entry): boolean {
  return (
    rule.enabled &&
    rule.project === entry.project &&
    (rule.types.length === 0 || rule.types.some((pattern) => typeMatches(pattern, entry.type))) &&
    allows(rule.services, serviceOf(entry)) &&
    allows(rule.environments, environmentOf(entry)) &&
    allows(rule.outcomes, outcomeOf(entry))
  );
}

export interface Planned {
  readonly channelId: string;
  /** The first rule that asked for it. */
  readonly ruleId: string;
  readonly severity: Severity;
  /** Held back until then; null goes out now. */
  readonly heldUntilMs: number | null;
}

/**
 * Who is told of an entry: each channel once, whatever number of rules name it. It counts as the worst of them, and is
 * held only while all of them are quiet. Critical is never held. `zoneOf` answers null for a zone that nobody knows:
 * nothing is held for it.
 */
export function plan(
  entry: Entry,
  rules: readonly Rule[],
  zoneOf: (timeZone: string) => Zone | null,
  nowMs: number,
): Planned[] {
  const planned = new Map<string, Planned>();
  for (const rule of rules) {
    if (!matches(rule, entry)) continue;
    const severity = rule.severity === "auto" ? severityOf(outcomeOf(entry)) : rule.severity;
    const zone = rule.quietHours && zoneOf(rule.quietHours.timeZone);
    const heldUntilMs =
      severity === "critical" || !rule.quietHours || !zone ? null : quietUntil(rule.quietHours, zone, nowMs);
    for (const channelId of rule.channelIds) {
      const before = planned.get(channelId);
      planned.set(
        channelId,
        before ? both(before, severity, heldUntilMs) : { channelId, ruleId: rule.id, severity, heldUntilMs },
      );
    }
  }
  return [...planned.values()];
}

const both = (before: Planned, severity: Severity, heldUntilMs: number | null): Planned => ({
  ...before,
  severity: worse(before.severity, severity),
  heldUntilMs: before.heldUntilMs === null || heldUntilMs === null ? null : Math.min(before.heldUntilMs, heldUntilMs),
});
