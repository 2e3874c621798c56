import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { certificateFor } from "../testing/certificate.ts";
import { NotificationDesk } from "../testing/notification-desk.ts";
import { Receiver } from "../testing/receiver.ts";

/** What people get: chats that speak as Slack does, and mail from a real SMTP server. */
let desk: NotificationDesk;
beforeAll(async () => {
  desk = await NotificationDesk.open();
});
afterAll(() => desk.close());

const data = { service: "leads", environment: "production" };
/** A canary from 10 % to its end, as the ledger has it. */
async function rollout(id: string, end: "promoted" | "rolled_back"): Promise<void> {
  const subject = `rollout/${id}`;
  const ada = { id: "tok_1", kind: "person", name: await desk.subjects.sealName("Ada <Lovelace>") };
  const tell = async (kind: string, more: Record<string, unknown>, actor = ada) => {
    await desk.happens(subject, `delivery.rollout.${kind}`, { ...data, ...more }, actor);
    await desk.round();
  };
  await tell("created", {});
  await tell("exposed", { trafficPercent: 10, words: "10 % of the traffic." });
  await tell("advanced", { trafficPercent: 50, words: "No harm shown: on to 50 %." });
  if (end === "rolled_back") {
    await tell("roll_back_begun", { trafficPercent: 0, words: "Errors rose from 0.1 % to 5 %." });
    await tell("rolled_back", { trafficPercent: 0, words: "Every gateway serves the old release." });
  } else {
    await tell("promoted", { trafficPercent: 100, words: "Proved safe." });
    await tell("completed", { trafficPercent: 100, words: "All traffic is on the new release." });
  }
  const outcome = end === "rolled_back" ? "rolled_back" : "succeeded";
  await desk.happens(`deployment/dep_${id}`, "delivery.deployment.ended", { ...data, outcome, rolloutId: id });
  await desk.round();
}

describe("a chat with a bot", () => {
  it("has one message per rollout, which is updated and in the end tells how it went, why, and by whom", async () => {
    // What the two methods do, with the messages that are there.
    const slack = await new Receiver().start();
    const messages = new Map<string, string>();
    slack.answer = ({ path, headers, body }, response) => {
      const asked = JSON.parse(body) as { channel: string; ts?: string };
      const isUpdate = path === "/api/chat.update";
      const ts = isUpdate ? (asked.ts ?? "") : `1700000000.00000${messages.size}`;
      const error =
        headers.authorization !== "Bearer xoxb-test-token"
          ? "invalid_auth"
          : isUpdate && !messages.has(ts)
            ? "message_not_found"
            : null;
      if (error === null) messages.set(ts, body);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(error === null ? { ok: true, ts, channel: "C123" } : { ok: false, error }));
    };
    const { id } = await desk.channel({
      ...{ kind: "slack", token: "xoxb-test-token", conversation: "#deploys", apiUrl: `${slack.url}/api/` },
    });
    await rollout("a", "rolled_back");
    await rollout("b", "promoted");
    expect(messages.size).toBe(2);
    const [back, live] = [...messages.values()].map((body) =>
      JSON.stringify((JSON.parse(body) as { attachments: unknown }).attachments),
    );
    expect(back).toContain("10 % → 50 % → being rolled back → rolled back");
    expect(back).toContain("Every gateway serves the old release.");
    expect(back).toContain("Ada &lt;Lovelace&gt;");
    expect(back).toContain("<https://lk.test/rollouts/a|leads in production: rolled back>");
    expect(live).toContain("10 % → 50 % → promoted → done");
    // A message that somebody deleted is written anew.
    messages.clear();
    await desk.happens("rollout/c", "delivery.rollout.exposed", { ...data, trafficPercent: 10 });
    await desk.round();
    messages.clear();
    await desk.happens("rollout/c", "delivery.rollout.advanced", { ...data, trafficPercent: 50 });
    await desk.round();
    expect(messages.size).toBe(1);
    await desk.database.pool.query("delete from notification_channel where id = $1", [id]);
    await slack.stop();
  });
});

describe("a chat with an incoming webhook", () => {
  it("gets the first and the last message of a rollout and what waits for a person, and says why not the others", async () => {
    const chat = await new Receiver().start();
    const { id } = await desk.channel({ kind: "slack", webhookUrl: `${chat.url}/services/T/B/secret` });
    await rollout("d", "promoted");
    const texts = chat.taken.map(({ body }) => (JSON.parse(body) as { text: string }).text);
    expect(texts.map((text) => text.split("\n")[0])).toEqual([
      "leads in production: begun",
      "leads in production: done",
    ]);
    const skipped = (await desk.deliveries()).filter((row) => row.channel_id === id && row.state === "skipped");
    expect(new Set(skipped.map((row) => row.last_failure))).toEqual(
      new Set([
        "An incoming webhook can't update its message: the first and the last are sent, and what waits for a person.",
        "The end of it was told already.",
      ]),
    );
    await desk.happens("rollout/e", "delivery.rollout.exposed", { ...data, trafficPercent: 10 });
    await desk.happens("rollout/e", "delivery.rollout.person_asked", { ...data, words: "Not proved in time." });
    await desk.round();
    expect(chat.taken).toHaveLength(4);
    await desk.database.pool.query("delete from notification_channel where id = $1", [id]);
    await chat.stop();
  });
});

interface Got {
  readonly from: string;
  readonly to: string[];
  readonly secure: boolean;
  readonly user: string;
  readonly text: string;
}
/** A mail server that asks for TLS and a password before it takes anything. */
async function mailServer(
  certificate: { key: string; cert: string },
  got: Got[],
  refuse: (to: string) => number | null,
) {
  const server = new SMTPServer({
    ...certificate,
    onAuth: ({ username, password }, _, done) =>
      password === "right" ? done(null, { user: username ?? "" }) : done(new Error("wrong password")),
    onRcptTo: ({ address }, _, done) => {
      const code = refuse(address);
      done(code === null ? null : Object.assign(new Error("not here"), { responseCode: code }));
    },
    onData: (stream, session, done) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        got.push({
          from: mailFrom ? mailFrom.address : "",
          to: rcptTo.map((to) => to.address),
          secure: session.secure,
          user: String(session.user),
          text: Buffer.concat(parts).toString("utf8"),
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((resolve) => server.close(resolve)) };
}
const header = (text: string, name: string) => new RegExp(`^${name}: (.*)$`, "mi").exec(text)?.[1]?.trim();

describe("mail", () => {
  const certificate = certificateFor("localhost");
  const mail = (port: number, more: object = {}) => ({
    ...({ kind: "email", host: "localhost", port, security: "starttls", ca: certificate.cert } as const),
    ...{ user: "lk", password: "right", from: "latchkey@example.com", to: ["ops@example.com", "dev@example.com"] },
    ...more,
  });

  it("comes over STARTTLS with a password, in one thread per rollout, plain and as HTML", async () => {
    const got: Got[] = [];
    const server = await mailServer(certificate, got, () => null);
    const { id } = await desk.channel(mail(server.port), { outcomes: ["rolled_back"] });
    await rollout("f", "rolled_back");
    await rollout("g", "rolled_back");
    expect(got).toHaveLength(4);
    expect(got[0]).toMatchObject({
      secure: true,
      user: "lk",
      from: "latchkey@example.com",
      to: ["ops@example.com", "dev@example.com"],
    });
    const [first = "", second = "", other = ""] = got.map((one) => one.text);
    expect(header(second, "In-Reply-To")).toBe(header(first, "Message-ID"));
    expect(header(second, "References")).toBe(header(first, "Message-ID"));
    expect(header(other, "In-Reply-To")).toBeUndefined();
    expect(header(first, "Auto-Submitted")).toBe("auto-generated");
    expect(first).toContain("text/plain");
    expect(first).toContain("text/html");
    await desk.database.pool.query("delete from notification_channel where id = $1", [id]);
    await server.close();
  });

  it("is not given to a server whose certificate nobody vouches for, nor without TLS to another machine", async () => {
    const got: Got[] = [];
    const server = await mailServer(certificate, got, () => null);
    const { ca: _, ...unknown } = mail(server.port);
    const { id } = await desk.channel(unknown, { types: ["catalog.service.changed"] });
    await desk.happens("service/x", "catalog.service.changed", data);
    await desk.round();
    const [row] = (await desk.deliveries()).filter((one) => one.channel_id === id);
    expect(row).toMatchObject({ state: "waiting", tries: 1 });
    expect(row?.last_failure).toMatch(/certificate/);
    expect(got).toEqual([]);
    await expect(desk.channel(mail(25, { host: "192.0.2.1" }))).rejects.toThrow(/private network/);
    await desk.database.pool.query("delete from notification_channel where id = $1", [id]);
    await server.close();
  });

  it.each([
    [550, "dead"],
    [451, "waiting"],
  ] as const)("that the server refuses with %i is %s", async (code, state) => {
    const server = await mailServer(certificate, [], () => code);
    const { id } = await desk.channel(mail(server.port), { types: ["catalog.service.changed"] });
    await desk.happens("service/x", "catalog.service.changed", data);
    await desk.round();
    expect((await desk.deliveries()).find((row) => row.channel_id === id)).toMatchObject({ state });
    await desk.database.pool.query("delete from notification_channel where id = $1", [id]);
    await server.close();
  });
});

describe("quiet hours", () => {
  const allDay = {
    timeZone: "UTC",
    days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    from: "00:00",
    to: "00:00",
  } as const;
  it("hold all but what is critical, and tell it in one message when they end", async () => {
    const receiver = await new Receiver().start();
    const { id } = await desk.channel(
      { kind: "webhook", url: receiver.url },
      { quietHours: { ...allDay, days: [...allDay.days] } },
    );
    for (let n = 0; n < 3; n++) await desk.happens(`service/${n}`, "catalog.service.changed", { ...data, n });
    await desk.happens("rollout/h", "delivery.rollout.rolled_back", data);
    await desk.round();
    expect(receiver.taken.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
      "delivery.rollout.rolled_back",
    ]);
    await desk.pass(9 * 86_400_000);
    await desk.round();
    const digest = JSON.parse(receiver.taken[1]?.body ?? "{}") as {
      type: string;
      data: { entries: { subject: string }[] };
    };
    expect(digest.type).toBe("catalog.notification.digest");
    expect(digest.data.entries.map((entry) => entry.subject)).toEqual(["service/0", "service/1", "service/2"]);
    expect(receiver.taken).toHaveLength(2);
    const states = (await desk.deliveries()).filter((row) => row.channel_id === id).map((row) => row.state);
    expect(states.sort()).toEqual(["delivered", "delivered", "digested", "digested", "digested"]);
    await receiver.stop();
  });
});
