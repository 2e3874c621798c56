import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { Receiver } from "../testing/receiver.ts";
import { until } from "../testing/until.ts";

/** A real rollout that does harm, told to a chat by the rule that comes with the first channel. */
let journey: Journey;
let chat: Receiver;
const messages = new Map<string, string>();
beforeAll(async () => {
  chat = await new Receiver().start();
  chat.answer = ({ path, body }, response) => {
    const { ts } = JSON.parse(body) as { ts?: string };
    const id = path === "/api/chat.update" ? (ts ?? "") : `17.${messages.size}`;
    messages.set(id, body);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ ok: true, ts: id, channel: "C1" }));
  };
  journey = await Journey.begin();
});
afterAll(async () => {
  await journey.end();
  await chat.stop();
});

describe("a rollout that is rolled back", () => {
  it("is one message, which in the end says what was served, what came of it, and why", async () => {
    await journey.shipFirst();
    // What has no number yet would come after the channel, and be told.
    await journey.owner.listLedger({});
    await journey.owner.createNotificationChannel({
      body: {
        name: "team",
        target: { kind: "slack", token: "xoxb-of-a-test", conversation: "#deploys", apiUrl: `${chat.url}/api/` },
      },
    });
    const canary = await journey.shipCanary();
    await until("the first step was told", () => [...messages.values()].some((body) => body.includes("10 %")));
    const back = await journey.drive(canary.id, { canary: { errorRatio: 0.3 } }, "rolled_back");
    const why = back.decisions.find((decision) => decision.kind === "roll_back_begun")?.words ?? "";
    const told = await until("the end was told", () =>
      [...messages.values()].find((body) => body.includes("→ rolled back")),
    );
    expect(messages.size).toBe(1);
    expect(told).toContain("10 %");
    expect(told).toContain("being rolled back → rolled back");
    expect(told).toContain(`/rollouts/${canary.id}|`);
    expect(why).not.toBe("");
    // What came last, the end of the deployment, follows in the same message.
    await until("nothing waits any more", async () => {
      const { items } = await journey.owner.listNotificationDeliveries({});
      return items.every((item) => ["delivered", "skipped"].includes(item.state));
    });
    expect(messages.size).toBe(1);
  });
});
