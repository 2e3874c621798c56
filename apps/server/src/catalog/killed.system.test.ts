import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { Receiver } from "../testing/receiver.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

/** SIGKILL in the middle of reading and sending: nothing is lost, and what comes twice comes with the same id. */
const KILLS = 4;
const CHANGES_EACH = 6;
let server: BuiltServer;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await new Receiver().start();
  server = await BuiltServer.start();
});
afterAll(async () => {
  await server.close();
  await receiver.stop();
});

describe("a server that is killed while it tells", () => {
  it("tells everything after its next start, in order, and a repetition by its id", async () => {
    const { channel } = await server.owner.createNotificationChannel({
      body: { name: "ours", target: { kind: "webhook", url: receiver.url } },
    });
    await server.owner.createNotificationRule({
      body: { name: "services", types: ["catalog.service.*"], channelIds: [channel.id] },
    });
    const workload = new Workload(server);
    const wanted: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      // Taken, and the server dies before it hears so: nothing tells it apart from one that was lost.
      const before = receiver.received.length;
      receiver.answer = () => {};
      for (let i = 0; i < CHANGES_EACH; i++) {
        const description = `${kill}.${i}`;
        await server.owner.applyService({ body: { config: workload.config({ description }), root: workload.root } });
        wanted.push(description);
      }
      await until("one is on the wire", () => receiver.received.length > before);
      await server.kill();
      receiver.answer = (_, response) => response.writeHead(204).end();
      await server.start();
    }
    const perId = () => {
      const seen = new Map<string, { body: string; times: number }>();
      for (const { headers, body } of receiver.received) {
        const id = headers["webhook-id"] ?? "";
        const known = seen.get(id);
        expect(known?.body ?? body).toBe(body);
        seen.set(id, { body, times: (known?.times ?? 0) + 1 });
      }
      return seen;
    };
    await until("all have arrived", async () => {
      const { items } = await server.owner.listNotificationDeliveries({ query: { state: "delivered" } });
      return items.length === wanted.length;
    });
    const seen = perId();
    expect(seen.size).toBe(wanted.length);
    expect([...seen.values()].some(({ times }) => times > 1)).toBe(true);
    const descriptions = [...seen.values()].map(({ body }) => {
      const { data } = JSON.parse(body) as { data: { entry: { changes: { path: string; after: unknown }[] } } };
      return data.entry.changes.find((change) => change.path === "description")?.after ?? "";
    });
    expect(descriptions).toEqual(wanted);
  });
});
