import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claim } from "../platform/leases.ts";
import { NotificationDesk } from "../testing/notification-desk.ts";
import { type Received, Receiver } from "../testing/receiver.ts";
import { reviveDead } from "./deliveries.store.ts";

const MINUTE = 60_000;
let receiver: Receiver;
let desk: NotificationDesk;
beforeEach(async () => {
  receiver = await new Receiver().start();
  desk = await NotificationDesk.open();
});
afterEach(async () => {
  await desk.close();
  await receiver.stop();
});

const hook = () => desk.channel({ kind: "webhook", url: receiver.url });
const idOf = (received: Received) => received.headers["webhook-id"] ?? "";
const eventOf = (received: Received) =>
  JSON.parse(received.body) as { subject: string; data: { entry: { n: number } } };
/** Rounds with time between them until nothing is on its way. */
async function work(rounds: number, apartMs = 5 * MINUTE): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await desk.round();
    await desk.pass(apartMs);
  }
}
/** What each subject's receiver got, in order, every repetition counted once by its id. */
function taken(): Record<string, number[]> {
  const seen = new Set<string>();
  const got: Record<string, number[]> = {};
  for (const received of receiver.taken) {
    if (seen.has(idOf(received))) continue;
    seen.add(idOf(received));
    const { subject, data } = eventOf(received);
    got[subject] = [...(got[subject] ?? []), data.entry.n];
  }
  return got;
}

describe("a receiver in trouble", () => {
  it.each<[string, Receiver["answer"]]>([
    ["answers 500", (_, response) => response.writeHead(500).end("no")],
    ["never answers", () => {}],
    ["dies before it answers", (_, __, request) => request.socket.destroy()],
    [
      "dies in the middle of its answer",
      (_, response, request) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half");
        setImmediate(() => request.socket.destroy());
      },
    ],
    ["sends somewhere else", (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
  ])("that %s gets the same message with the same id once it is well", async (_, trouble) => {
    await hook();
    const { answer } = receiver;
    receiver.answer = trouble;
    await desk.happens("service/shop", "catalog.service.changed", { n: 1 });
    await work(2);
    expect(receiver.received.length).toBeGreaterThanOrEqual(2);
    expect(await desk.states()).toEqual({ waiting: 1 });
    receiver.answer = answer;
    await work(2);
    expect(await desk.states()).toEqual({ delivered: 1 });
    expect(new Set(receiver.received.map(idOf)).size).toBe(1);
    expect(new Set(receiver.received.map((one) => one.body)).size).toBe(1);
  });

  it("that asks for patience is left alone for as long as it asked", async () => {
    await hook();
    const { answer } = receiver;
    receiver.answer = (_, response) => response.writeHead(429, { "retry-after": "600" }).end();
    await desk.happens("service/shop", "catalog.service.changed", { n: 1 });
    await desk.happens("service/bar", "catalog.service.changed", { n: 1 });
    await work(2, MINUTE);
    expect(receiver.received).toHaveLength(1);
    receiver.answer = answer;
    await desk.pass(7 * MINUTE);
    await desk.round();
    expect(receiver.received).toHaveLength(1);
    await desk.pass(2 * MINUTE);
    await desk.round();
    expect(await desk.states()).toEqual({ delivered: 2 });
  });

  it("that is away for an hour gets everything after, in order within each rollout", async () => {
    await hook();
    await receiver.stop();
    for (let n = 1; n <= 12; n++) {
      for (const rollout of ["rollout/a", "rollout/b", "rollout/c"])
        await desk.happens(rollout, "delivery.rollout.advanced", { n });
      await work(1);
    }
    // A few tries, not one for every message and round.
    expect((await desk.deliveries()).reduce((sum, row) => sum + row.tries, 0)).toBeLessThan(40);
    await receiver.start();
    await work(3);
    const all = Array.from({ length: 12 }, (_, i) => i + 1);
    expect(taken()).toEqual({ "rollout/a": all, "rollout/b": all, "rollout/c": all });
    expect(await desk.states()).toEqual({ delivered: 36 });
  });

  it("and one message that it never takes keeps back only what belongs to it", async () => {
    await hook();
    receiver.answer = (received, response) =>
      response.writeHead(eventOf(received).subject === "rollout/bad" ? 500 : 204).end();
    await desk.happens("rollout/bad", "delivery.rollout.advanced", { n: 1 });
    for (let n = 1; n <= 30; n++) {
      await desk.happens("rollout/good", "delivery.rollout.advanced", { n });
      await work(1);
    }
    await work(2);
    expect(taken()["rollout/good"]).toHaveLength(30);
    expect(await desk.states()).toEqual({ delivered: 30, waiting: 1 });
  });
});

describe("dead letters", () => {
  it("are what was tried for a day, and go out with their ids when they are replayed", async () => {
    await hook();
    const { answer } = receiver;
    receiver.answer = (_, response) => response.writeHead(503).end();
    await desk.happens("service/shop", "catalog.service.changed", { n: 1 });
    await work(10, 120 * MINUTE);
    expect(await desk.states()).toEqual({ waiting: 1 });
    await work(5, 120 * MINUTE);
    expect(await desk.deliveries()).toMatchObject([{ state: "dead", last_failure: "It answered 503." }]);
    const asked = receiver.received.length;
    await work(3, 120 * MINUTE);
    expect(receiver.received).toHaveLength(asked);
    receiver.answer = answer;
    expect(await reviveDead(desk.database.db, "main", {}, 10)).toHaveLength(1);
    await work(2);
    expect(await desk.states()).toEqual({ delivered: 1 });
    expect(new Set(receiver.received.map(idOf)).size).toBe(1);
  });

  it("are at once what the receiver wants no more of (410)", async () => {
    await hook();
    receiver.answer = (_, response) => response.writeHead(410).end();
    await desk.happens("service/shop", "catalog.service.changed", { n: 1 });
    await work(3);
    expect(await desk.states()).toEqual({ dead: 1 });
    expect(receiver.received).toHaveLength(1);
  });
});

describe("several servers", () => {
  it("write each entry once, though they read at the same time", async () => {
    await hook();
    for (let n = 1; n <= 20; n++) await desk.happens("service/shop", "catalog.service.changed", { n });
    await Promise.all([desk.dispatcher.round(), desk.dispatcher.round(), desk.dispatcher.round()]);
    await work(2);
    expect(taken()["service/shop"]).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(receiver.received).toHaveLength(20);
  });

  it("that lost the lease note nothing of what they sent; the next one sends it again with the same id", async () => {
    await hook();
    const stale = desk.senderWith({ fence: () => 1, guards: async (tx, fence) => desk.lease.guards(tx, fence) });
    let took: () => void = () => {};
    const isThere = new Promise<void>((resolve) => {
      took = resolve;
    });
    const { answer } = receiver;
    receiver.answer = () => took();
    await desk.happens("service/shop", "catalog.service.changed", { n: 1 });
    await desk.dispatcher.round();
    await stale.round();
    await isThere;
    // Another life of the same owner takes the lease while the message is on the wire.
    const fence = await claim(desk.database.db, "delivery", "desk", 6_000, true);
    expect(fence).toBe(2);
    receiver.answer = answer;
    const next = desk.senderWith({ fence: () => 2, guards: async (tx, asked) => desk.lease.guards(tx, asked) });
    await next.round();
    await next.idle();
    await stale.idle();
    expect(await desk.states()).toEqual({ delivered: 1 });
    expect(receiver.received.map(idOf)).toHaveLength(2);
    expect(new Set(receiver.received.map(idOf)).size).toBe(1);
  });
});
