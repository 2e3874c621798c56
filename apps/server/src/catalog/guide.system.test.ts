import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { reachOf } from "../platform/adapters/outgoing/reach.ts";
import { newSigningSecret, sendWebhook } from "../platform/adapters/webhook/sender.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { until } from "../testing/until.ts";

const GUIDE = join(import.meta.dirname, "..", "..", "..", "..", "docs", "guides", "notifications.md");
const dir = temporaryDirectory();
const secret = newSigningSecret();
let url = "";
let said = "";
let child: ReturnType<typeof spawn>;

/** The receiver that the guide shows, as it stands there, in a process of its own. */
beforeAll(async () => {
  const [, program = ""] = /```js\n([\s\S]*?)```/.exec(readFileSync(GUIDE, "utf8")) ?? [];
  const file = join(dir, "receiver.mjs");
  writeFileSync(file, program);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH ?? "", WEBHOOK_SECRET: secret, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout?.on("data", (part: Buffer) => {
    said += part.toString();
  });
  await until("it listens", async () => (await fetch(url)).status === 401);
});
afterAll(() => {
  child.kill();
  removeDirectory(dir);
});

const event = {
  type: "delivery.rollout.promoted",
  subject: "rollout/r",
  data: { message: { title: "leads: promoted" } },
};
const send = (secrets: string[], deliveryId = "ntf_1") =>
  sendWebhook(reachOf(undefined), { url, secrets, deliveryId, event });

describe("the receiver of the guide", () => {
  it("takes what is signed, with the new secret beside the old one too, and knows a repetition", async () => {
    expect(await send([secret])).toMatchObject({ arrived: true });
    expect(await send([newSigningSecret(), secret])).toMatchObject({ arrived: true });
    expect(await send([secret], "ntf_2")).toMatchObject({ arrived: true });
    await until("both ids were told", () => said.trim().split("\n").length === 2);
    expect(said).toBe("delivery.rollout.promoted rollout/r leads: promoted\n".repeat(2));
  });
  it("refuses what somebody else signed, what was changed on the way, and what is old", async () => {
    expect(await send([newSigningSecret()])).toMatchObject({ arrived: false, words: "It answered 401." });
    const headers = { "webhook-id": "ntf_3", "webhook-timestamp": "1600000000", "webhook-signature": "v1,AAAA" };
    expect((await fetch(url, { method: "POST", headers, body: "{}" })).status).toBe(401);
  });
});
