import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { Receiver } from "../testing/receiver.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await new Receiver().start();
  installation = await Installation.start();
});
afterAll(async () => {
  await installation.close();
  await receiver.stop();
});

describe("a webhook", () => {
  let channelId = "";
  let secret = "";
  it("is made with a secret that is shown once, and with a rule", async () => {
    const made = await installation.owner.createNotificationChannel({
      body: { name: "ours", target: { kind: "webhook", url: `${receiver.url}/hook?token=hidden` } },
    });
    channelId = made.channel.id;
    secret = made.signingSecret ?? "";
    expect(secret).toMatch(/^whsec_/);
    expect(made.rule).toMatchObject({ channelIds: [channelId], enabled: true });
    expect(JSON.stringify(await installation.owner.listNotificationChannels({}))).not.toContain("hidden");
  });

  it("gets a signed CloudEvent of each entry that a rule matches, in order", async () => {
    await installation.owner.createNotificationRule({
      body: { name: "services", types: ["catalog.service.*"], channelIds: [channelId] },
    });
    const workload = new Workload(installation);
    for (const description of ["one", "two"])
      await installation.owner.applyService({
        body: { config: workload.config({ description }), root: workload.root },
      });
    await until("both arrived", () => receiver.taken.length === 2);
    const events = receiver.taken.map(({ body, headers }) => {
      // Throws unless it is signed as the published library has it.
      new Webhook(secret).verify(body, headers);
      return JSON.parse(body) as Record<string, unknown>;
    });
    expect(events.map((event) => event.type)).toEqual(["catalog.service.created", "catalog.service.changed"]);
    expect(events[0]).toMatchObject({ specversion: "1.0", subject: `service/${workload.name}`, project: "main" });
    const ids = receiver.taken.map((one) => one.headers["webhook-id"]).reverse();
    await until("they are told as delivered, with the ids that the receiver saw", async () => {
      const { items } = await installation.owner.listNotificationDeliveries({ query: { state: "delivered" } });
      return JSON.stringify(items.map((item) => item.id)) === JSON.stringify(ids);
    });
  });

  it("gets a test message when it is asked for", async () => {
    const before = receiver.taken.length;
    const result = await installation.owner.testNotificationChannel({ params: { project: "main", channelId } });
    expect(result).toEqual({ arrived: true, words: "It answered 204." });
    expect(JSON.parse(receiver.taken.at(before)?.body ?? "{}")).toMatchObject({ type: "catalog.notification.test" });
  });

  it("is refused where it leads into a private network or has no TLS", async () => {
    for (const url of ["http://10.1.2.3/", "https://169.254.169.254/latest", "http://example.com/"]) {
      const problem = await problemOf(
        installation.owner.createNotificationChannel({ body: { name: "bad", target: { kind: "webhook", url } } }),
      );
      expect(problem).toMatchObject({ status: 400, fields: [{ field: "target.url" }] });
    }
    expect((await installation.owner.listNotificationChannels({})).items).toHaveLength(1);
  });
});
