import { describe, expect, it } from "vitest";
import type { Sample } from "../platform/vitals.ts";
import { healthFigures, type Readings } from "./health.figures.ts";

const quiet: Sample = {
  loopP50Ms: 0,
  loopP99Ms: 2,
  loopMaxMs: 5,
  loopUtilisation: 0.1,
  residentBytes: 1e8,
  heapPart: 0.1,
  connectionsInUse: 1,
  connectionsWaiting: 0,
  connectionWaitMs: 0.2,
  unserved: 0,
  limited: 0,
  streamClients: 3,
  outboxLength: 0,
  outboxOldestS: 0,
  diskPart: 0.4,
};
function readings(o: { sample?: Partial<Sample> } & Partial<Omit<Readings, "samples">> = {}): Readings {
  const { sample, ...also } = o;
  const one = { ...quiet, ...sample };
  return {
    samples: [quiet, one],
    worst: (name) => Math.max(quiet[name], one[name]),
    sum: (name) => quiet[name] + one[name],
    memory: { heapPart: one.heapPart, residentBytes: 1e8, heapLimitBytes: 4e9 },
    pool: { inUse: 1, max: 12, waiting: 0, waitingMax: 2_000 },
    stream: { clients: 3, clientsMax: 2_000, dropped: 0 },
    outbox: { length: 0, oldestS: 0 },
    gateways: { live: 1, known: 1, behind: 0 },
    postgres: { connections: 20, connectionsMax: 100 },
    disk: { freeBytes: 6e10, totalBytes: 1e11 },
    notifications: { waiting: 3, held: 0, dead: 0, oldestS: 20, fullest: 3, queueMax: 10_000 },
    ...also,
  };
}
const states = (o: Readings) =>
  Object.fromEntries(healthFigures(o).flatMap((f) => (f.state === "fine" ? [] : [[f.key, f.state]])));

describe("the figures of a server's health", () => {
  it("are all fine where nothing is wrong, and then ask for nothing", () => {
    const figures = healthFigures(readings());
    expect(figures.map((f) => [f.key, f.state, f.remedy])).toEqual(figures.map((f) => [f.key, "fine", null]));
    expect(new Set(figures.map((f) => f.key)).size).toBe(figures.length);
  });

  it.each<[string, Parameters<typeof readings>[0], Record<string, string>]>([
    ["a loop that is late", { sample: { loopP99Ms: 80 } }, { event_loop_delay: "busy" }],
    ["a loop that stands", { sample: { loopP99Ms: 900 } }, { event_loop_delay: "full" }],
    ["a process without rest", { sample: { loopUtilisation: 0.97 } }, { event_loop_utilisation: "full" }],
    ["a heap at its end", { sample: { heapPart: 0.93 } }, { memory: "full" }],
    [
      "a receiver that is away",
      { notifications: { waiting: 40, held: 0, dead: 2, oldestS: 400, fullest: 40, queueMax: 10_000 } },
      { notifications_waiting: "busy", notifications_dead: "busy" },
    ],
    [
      "a queue that is nearly full",
      { notifications: { waiting: 9_500, held: 0, dead: 0, oldestS: 9, fullest: 9_500, queueMax: 10_000 } },
      { notifications_waiting: "full" },
    ],
    ["a disk that fills", { disk: { freeBytes: 1e9, totalBytes: 1e11 } }, { disk: "full" }],
    ["somebody who waits for a connection", { sample: { connectionsWaiting: 3 } }, { pool: "busy" }],
    ["a crowd that waits", { pool: { inUse: 12, max: 12, waiting: 1_500, waitingMax: 2_000 } }, { pool: "full" }],
    ["slow connections", { sample: { connectionWaitMs: 300 } }, { connection_wait: "busy" }],
    ["a full PostgreSQL", { postgres: { connections: 99, connectionsMax: 100 } }, { postgres_connections: "full" }],
    ["an outbox that nobody drains", { outbox: { length: 9, oldestS: 60 } }, { outbox: "full" }],
    [
      "a stream without places",
      { stream: { clients: 1_990, clientsMax: 2_000, dropped: 0 } },
      { stream_clients: "full" },
    ],
    ["somebody who asks too often", { sample: { limited: 5 } }, { rate_limited: "busy" }],
    ["a gateway that is away", { gateways: { live: 1, known: 2, behind: 0 } }, { gateways: "busy" }],
    ["a gateway that is behind", { gateways: { live: 2, known: 2, behind: 1 } }, { gateways: "busy" }],
    ["no gateway at all", { gateways: { live: 0, known: 0, behind: 0 } }, { gateways: "full" }],
  ])("name %s, and nothing else, with what to do", (_, o, expected) => {
    expect(states(readings(o))).toEqual(expected);
    for (const f of healthFigures(readings(o))) if (f.state !== "fine") expect(f.remedy).toMatch(/\w{3}.*[.]$/);
  });
});
