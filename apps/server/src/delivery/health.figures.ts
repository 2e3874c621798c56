import type { Answer } from "@latchkey/api/client";
import { type Bounds, pressureOf } from "@latchkey/core/shared/pressure";
import type { NotificationFigures } from "../catalog/index.ts";
import type { Sample } from "../platform/vitals.ts";

/** What the health page is made of: each figure with its limit, how near it is, and what to do. Pure: readings in, figures out. */
export type HealthFigure = Answer<"getHealth">["figures"][number];

export interface Readings {
  readonly samples: readonly Sample[];
  readonly worst: (name: keyof Sample) => number;
  readonly sum: (name: keyof Sample) => number;
  readonly memory: { readonly heapPart: number; readonly residentBytes: number; readonly heapLimitBytes: number };
  readonly pool: {
    readonly inUse: number;
    readonly max: number;
    readonly waiting: number;
    readonly waitingMax: number;
  };
  readonly stream: { readonly clients: number; readonly clientsMax: number; readonly dropped: number };
  readonly outbox: { readonly length: number; readonly oldestS: number };
  readonly gateways: { readonly live: number; readonly known: number; readonly behind: number };
  readonly postgres: { readonly connections: number; readonly connectionsMax: number };
  readonly notifications: NotificationFigures & { readonly queueMax: number };
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number };
}

/** A part of a whole: from 70 % on there is no room for a bad minute, from 90 % on there is none at all. */
const PART: Bounds = { busyFrom: 0.7, fullFrom: 0.9 };
/** Below 50 ms nobody notices; a quarter of a second is a page that feels stuck. */
const LOOP_DELAY_MS: Bounds = { busyFrom: 50, fullFrom: 250 };
/** A query takes a few milliseconds: whoever waits ten times that for a connection feels it. */
const CONNECTION_WAIT_MS: Bounds = { busyFrom: 20, fullFrom: 1_000 };
/** The sequencer takes a second at most; ten are five rounds that failed. */
const OUTBOX_AGE_S: Bounds = { busyFrom: 3, fullFrom: 10 };
/** A receiver that is back is found within five minutes; an hour is an outage. */
const NOTIFICATION_AGE_S: Bounds = { busyFrom: 300, fullFrom: 3_600 };
const DISK: Bounds = { busyFrom: 0.8, fullFrom: 0.95 };

interface Made {
  readonly key: string;
  readonly group: HealthFigure["group"];
  readonly label: string;
  readonly unit: HealthFigure["unit"];
  readonly value: number;
  readonly limit: number | null;
  /** What is judged, where it is not the value itself. */
  readonly judged?: number;
  readonly bounds: Bounds;
  readonly words: string;
  readonly remedy: string;
  readonly recent?: readonly number[];
}

const figure = ({ judged, bounds, remedy, recent, ...o }: Made): HealthFigure => {
  const state = pressureOf(judged ?? o.value, bounds);
  return { ...o, state, remedy: state === "fine" ? null : remedy, recent: recent ? [...recent] : null };
};
const of = (o: Readings, name: keyof Sample): number[] => o.samples.map((sample) => sample[name]);

export function healthFigures(o: Readings): HealthFigure[] {
  return [...serverFigures(o), ...databaseFigures(o), ...trafficFigures(o), ...notificationFigures(o)];
}

function serverFigures(o: Readings): HealthFigure[] {
  return [
    figure({
      key: "event_loop_delay",
      group: "server",
      label: "Event-loop delay",
      unit: "ms",
      value: o.worst("loopP99Ms"),
      limit: LOOP_DELAY_MS.fullFrom,
      bounds: LOOP_DELAY_MS,
      words: `99 of 100 waits were shorter in the last minute; half below ${Math.round(o.worst("loopP50Ms"))} ms, the longest ${Math.round(o.worst("loopMaxMs"))} ms.`,
      remedy:
        "Something keeps the one thread busy. Give this machine more processor, or run another server on the same database.",
      recent: of(o, "loopP99Ms"),
    }),
    figure({
      key: "event_loop_utilisation",
      group: "server",
      label: "Event-loop use",
      unit: "part",
      value: o.worst("loopUtilisation"),
      limit: 1,
      bounds: PART,
      words: "The part of the time in which this process had work, at its busiest in the last minute.",
      remedy: "Ask less often, or run another server on the same database and share the clients out.",
      recent: of(o, "loopUtilisation"),
    }),
    figure({
      key: "memory",
      group: "server",
      label: "Memory",
      unit: "bytes",
      value: o.memory.residentBytes,
      limit: o.memory.heapLimitBytes,
      judged: o.memory.heapPart,
      bounds: PART,
      words: `Objects take ${Math.round(o.memory.heapPart * 100)} % of what they may.`,
      remedy: "Start the server with more: NODE_OPTIONS=--max-old-space-size=<MiB>. If it only ever grows, report it.",
      recent: of(o, "residentBytes"),
    }),
    figure({
      key: "disk",
      group: "server",
      label: "Disk of the data folder",
      unit: "bytes",
      value: o.disk.totalBytes - o.disk.freeBytes,
      limit: o.disk.totalBytes,
      judged: o.disk.totalBytes === 0 ? 0 : 1 - o.disk.freeBytes / o.disk.totalBytes,
      bounds: DISK,
      words: "Releases, logs, and the embedded PostgreSQL are there.",
      remedy: "Make room: PostgreSQL stops when a disk is full, and everything with it.",
      recent: of(o, "diskPart").map((part) => part * o.disk.totalBytes),
    }),
  ];
}

function databaseFigures(o: Readings): HealthFigure[] {
  const unserved = o.sum("unserved");
  return [
    figure({
      key: "pool",
      group: "database",
      label: "Connections in use",
      unit: "count",
      value: o.pool.inUse,
      limit: o.pool.max,
      // All in use is what a pool is for; somebody who waits is what matters.
      judged: Math.max(o.worst("connectionsWaiting"), o.pool.waiting),
      bounds: { busyFrom: 1, fullFrom: o.pool.waitingMax / 2 },
      words: `${o.pool.waiting === 0 ? "Nobody waits" : `${o.pool.waiting} wait`} for one now${unserved > 0 ? `; ${unserved} got none within 15 minutes` : ""}.`,
      remedy: "PostgreSQL is slower than what is asked of it: look at its processor and disk.",
      recent: of(o, "connectionsInUse"),
    }),
    figure({
      key: "connection_wait",
      group: "database",
      label: "Wait for a connection",
      unit: "ms",
      value: o.worst("connectionWaitMs"),
      limit: CONNECTION_WAIT_MS.fullFrom,
      bounds: CONNECTION_WAIT_MS,
      words: "On average over ten seconds, the worst of the last minute. After 10 s a request is answered 503.",
      remedy: "Look for slow queries in PostgreSQL's log, or ask less at once.",
      recent: of(o, "connectionWaitMs"),
    }),
    figure({
      key: "postgres_connections",
      group: "database",
      label: "PostgreSQL's connections",
      unit: "count",
      value: o.postgres.connections,
      limit: o.postgres.connectionsMax,
      judged: o.postgres.connectionsMax === 0 ? 0 : o.postgres.connections / o.postgres.connectionsMax,
      bounds: PART,
      words: "Of all who use this PostgreSQL, not only Latchkey.",
      remedy: "Raise max_connections, or close what others keep open.",
    }),
    figure({
      key: "outbox",
      group: "database",
      label: "Entries without a number",
      unit: "count",
      value: o.outbox.length,
      limit: null,
      judged: Math.max(o.outbox.oldestS, 0),
      bounds: OUTBOX_AGE_S,
      words:
        o.outbox.length === 0
          ? "All that was recorded is in the ledger."
          : `The oldest waits for ${Math.round(o.outbox.oldestS)} s.`,
      remedy:
        'Nothing is lost, but nobody sees it yet. Look in the server\'s log for "the outbox could not be drained".',
      recent: of(o, "outboxLength"),
    }),
  ];
}

function trafficFigures(o: Readings): HealthFigure[] {
  const limited = o.sum("limited");
  const away = o.gateways.known - o.gateways.live;
  return [
    figure({
      key: "stream_clients",
      group: "clients",
      label: "Clients of the live stream",
      unit: "count",
      value: o.stream.clients,
      limit: o.stream.clientsMax,
      judged: o.stream.clients / o.stream.clientsMax,
      bounds: PART,
      words:
        o.stream.dropped === 0
          ? "None was cut off for taking nothing."
          : `${o.stream.dropped} cut off since the server started, for taking nothing; they come back by themselves.`,
      remedy: "Beyond it clients are refused. Run another server on the same database: each has as many places.",
      recent: of(o, "streamClients"),
    }),
    figure({
      key: "rate_limited",
      group: "clients",
      label: "Requests refused by a rate limit",
      unit: "count",
      value: limited,
      limit: null,
      bounds: { busyFrom: 1, fullFrom: Number.POSITIVE_INFINITY },
      words: "In the last 15 minutes, all credentials and addresses together.",
      remedy: "Look at /metrics for which limit. Whoever is refused is told when to come again (Retry-After).",
      recent: of(o, "limited"),
    }),
    figure({
      key: "gateways",
      group: "clients",
      label: "Gateways",
      unit: "count",
      value: o.gateways.live,
      limit: null,
      judged: o.gateways.live === 0 ? 2 : away + o.gateways.behind > 0 ? 1 : 0,
      bounds: { busyFrom: 1, fullFrom: 2 },
      words:
        away + o.gateways.behind === 0
          ? "Those that are known are there, and have the newest routing."
          : `${away} not seen lately, ${o.gateways.behind} behind the newest routing.`,
      remedy:
        o.gateways.live === 0
          ? "Without a gateway there is no traffic to judge: `npm start` runs one; look at its log."
          : "Look at each with `latchkey system`. One that is cut off serves by its last table, and leaves canaries by itself. One that was ended for good goes from the list after 7 days.",
    }),
  ];
}

function notificationFigures({ notifications: n }: Readings): HealthFigure[] {
  const quiet = n.held === 0 ? "" : ` Quiet hours hold ${n.held}.`;
  // Near the limit of its queue a channel is full, however young its messages are.
  const isFull = n.fullest >= PART.fullFrom * n.queueMax;
  return [
    figure({
      key: "notifications_waiting",
      group: "clients",
      label: "Notifications on their way",
      unit: "count",
      value: n.waiting,
      limit: n.queueMax,
      judged: isFull ? NOTIFICATION_AGE_S.fullFrom : n.oldestS,
      bounds: NOTIFICATION_AGE_S,
      words: `${n.waiting === 0 ? "None waits." : `The oldest waits for ${Math.round(n.oldestS)} s.`}${quiet} The limit is for each channel.`,
      remedy: "A receiver does not answer: see why with `latchkey notifications`. What waits is sent when it is back.",
    }),
    figure({
      key: "notifications_dead",
      group: "clients",
      label: "Notifications given up",
      unit: "count",
      value: n.dead,
      limit: null,
      bounds: { busyFrom: 1, fullFrom: Number.POSITIVE_INFINITY },
      words:
        n.dead === 0 ? "Everything arrived, or is on its way." : "They can be sent again, with the ids that they had.",
      remedy: "See why with `latchkey notifications deliveries --state dead`, then replay them.",
    }),
  ];
}
