import { HealthView } from "@latchkey/api/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventStream } from "../testing/event-stream.ts";
import { GatewayPlayer } from "../testing/gateway-player.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation.close());

const figure = async (key: string) => {
  const found = (await installation.owner.getHealth({})).figures.find((f) => f.key === key);
  if (!found) throw new Error(`There is no figure ${key}.`);
  return found;
};
const metrics = async () => {
  const text = await (await installation.fetch("/metrics")).text();
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))] as const),
  );
};

describe("the health of a server", () => {
  it("is told by figures with a limit, a judgement and a history, and who decides", async () => {
    const health = HealthView.parse(await installation.owner.getHealth({}));
    expect(health.figures.map((f) => f.key)).toEqual(
      expect.arrayContaining([
        "event_loop_delay",
        "pool",
        "outbox",
        "stream_clients",
        "rate_limited",
        "gateways",
        "disk",
      ]),
    );
    expect(health.figures.find((f) => f.key === "event_loop_delay")?.recent?.length).toBeGreaterThan(0);
    expect(health.lease).toMatchObject({ heldHere: true, live: true });
    // Nothing has called in here: without traffic there is nothing to judge.
    expect(health.figures.find((f) => f.key === "gateways")).toMatchObject({ value: 0, state: "full" });
    expect(health.state).toBe("full");
  });

  it("counts the clients of the stream as they come and go, and exports them", async () => {
    const before = (await figure("stream_clients")).value;
    const headers = { authorization: `Bearer ${installation.secretIn("cli.token")}` };
    const streams = [1, 2, 3].map(() => new EventStream(`${installation.url}/api/v1/stream`, headers));
    await Promise.all(streams.map((stream) => stream.opened()));
    expect(await figure("stream_clients")).toMatchObject({ value: before + 3, limit: 2_000, state: "fine" });
    expect((await metrics()).get("latchkey_stream_clients")).toBe(before + 3);
    for (const stream of streams) stream.close();
    await until("they are gone", async () => (await figure("stream_clients")).value === before);
  });

  it("knows a gateway that is up to date", async () => {
    await new GatewayPlayer(installation.gateway).acknowledge();
    await until("it is seen", async () => (await figure("gateways")).value === 1);
    expect((await figure("gateways")).state).toBe("fine");
  });

  it("is exported: loop, pool, waits, outbox, stream, limits", async () => {
    const all = await metrics();
    for (const name of [
      'latchkey_event_loop_delay_seconds{quantile="0.99"}',
      "latchkey_event_loop_utilization",
      'latchkey_database_connections{state="waiting"}',
      "latchkey_database_connections_max",
      'latchkey_database_wait_seconds_bucket{le="+Inf"}',
      "latchkey_database_wait_refused_total",
      "latchkey_outbox_entries",
      "latchkey_outbox_oldest_seconds",
      'latchkey_stream_dropped_total{reason="stalled"}',
      'latchkey_stream_dropped_total{reason="refused"}',
      'latchkey_rate_limited_total{limit="reads"}',
      "latchkey_disk_used_ratio",
    ])
      expect(all.get(name), name).toBeGreaterThanOrEqual(0);
    const route = [...all.keys()].find((key) => /request_duration_seconds_count.*route="\/api\/v1\/health"/.test(key));
    expect(route).toBeDefined();
  });

  it("is for those who may read the system", async () => {
    const { secret } = await installation.tokenOf("gateway");
    await expect(installation.clientWith(secret).getHealth({})).rejects.toMatchObject({ problem: { status: 403 } });
    expect((await fetch(`${installation.url}/api/v1/health`)).status).toBe(401);
    expect((await fetch(`${installation.url}/metrics`)).status).toBe(401);
  });
});
