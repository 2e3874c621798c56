import type { NotificationChannel, NotificationDelivery, NotificationRule } from "@latchkey/api/notifications";
import { quietUntil } from "@latchkey/core/catalog/notifications/quiet-hours";
import type { Zone } from "@latchkey/core/shared/zone";
import type { Executor } from "../platform/database.ts";
import { type ChannelRow, listChannels } from "./channels.store.ts";
import { type DeliveryRow, type Standing, standings } from "./deliveries.store.ts";
import type { RuleRow } from "./rules.store.ts";

export type ZoneOf = (timeZone: string, nowMs: number) => Zone | null;

function stateOf(row: ChannelRow): NotificationChannel["state"] {
  if (!row.enabled) return "off";
  if (row.is_resting) return "resting";
  if (row.failures > 0) return "failing";
  return row.last_success_at === null ? "unused" : "working";
}

export function presentChannel(row: ChannelRow, standing: Standing | undefined): NotificationChannel {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    enabled: row.enabled,
    settings: row.settings,
    state: stateOf(row),
    failures: row.failures,
    restsUntil: row.is_resting ? (row.rests_until?.toISOString() ?? null) : null,
    lastSuccessAt: row.last_success_at?.toISOString() ?? null,
    lastFailureAt: row.last_failure_at?.toISOString() ?? null,
    lastFailure: row.last_failure,
    waiting: standing?.waiting ?? 0,
    held: standing?.held ?? 0,
    dead: standing?.dead ?? 0,
    dropped: row.dropped,
    createdAt: row.created_at.toISOString(),
  };
}

export async function viewChannels(db: Executor, project: string): Promise<NotificationChannel[]> {
  const of = new Map((await standings(db, project)).map((standing) => [standing.channel_id, standing]));
  return (await listChannels(db, project)).map((row) => presentChannel(row, of.get(row.id)));
}

export function presentRule(row: RuleRow, zoneOf: ZoneOf, nowMs: number): NotificationRule {
  const { quietHours } = row.definition;
  const zone = quietHours && zoneOf(quietHours.timeZone, nowMs);
  const until = quietHours && zone ? quietUntil(quietHours, zone, nowMs) : null;
  return {
    ...row.definition,
    id: row.id,
    name: row.name,
    enabled: row.enabled,
    channelIds: row.channel_ids,
    createdAt: row.created_at.toISOString(),
    quietUntil: until === null ? null : new Date(until).toISOString(),
  };
}

export function presentDelivery(row: DeliveryRow & { readonly channel_name: string }): NotificationDelivery {
  return {
    id: row.id,
    channelId: row.channel_id,
    channelName: row.channel_name,
    type: row.type,
    title: row.message.title,
    severity: row.message.severity,
    sequence: row.sequence,
    path: row.message.path,
    state: row.state,
    tries: row.tries,
    nextAt: row.state === "waiting" || row.state === "held" ? row.next_at.toISOString() : null,
    createdAt: row.created_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    lastFailure: row.last_failure,
  };
}

export interface NotificationFigures {
  /** On their way, without those that quiet hours hold. */
  readonly waiting: number;
  readonly held: number;
  readonly dead: number;
  readonly oldestS: number;
  /** Of the fullest channel: what waits and is held. */
  readonly fullest: number;
}

/** All projects together, for the health page and /metrics. */
export async function notificationFigures(db: Executor): Promise<NotificationFigures> {
  const all = await standings(db, null);
  const sum = (read: (standing: Standing) => number) => all.reduce((total, one) => total + read(one), 0);
  return {
    waiting: sum((one) => one.waiting),
    held: sum((one) => one.held),
    dead: sum((one) => one.dead),
    oldestS: Math.max(0, ...all.map((one) => one.oldest_s ?? 0)),
    fullest: Math.max(0, ...all.map((one) => one.waiting + one.held)),
  };
}
