import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { ServiceKeys } from "./service-keys.ts";

/** Keys that releases on the server's machine find in their environment. */
let here: Installation;
const keyEncryptionKey = randomBytes(32);
const keys = () =>
  new ServiceKeys({
    ...{ database: here.database, log: pino({ level: "silent" }), keyEncryptionKey },
    ...{ url: here.url, publicUrl: "https://latchkey.example" },
  });
const snapshot = (key: string | undefined) =>
  fetch(`${here.url}/flags/v1/snapshot`, { headers: { authorization: `Bearer ${key}` } });
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
});
afterAll(() => here.close());

describe("the keys of a service", () => {
  it("are good, the same after a restart, and others elsewhere", async () => {
    const made = await keys().variablesFor("main", "shop", "production");
    expect((await snapshot(made.LATCHKEY_FLAGS_KEY)).status).toBe(200);
    expect((await snapshot(made.LATCHKEY_FLAGS_BROWSER_KEY)).status).toBe(403);
    expect(made).toMatchObject({ LATCHKEY_FLAGS_URL: here.url, LATCHKEY_FLAGS_PUBLIC_URL: "https://latchkey.example" });
    const [again, at] = await Promise.all([
      keys().variablesFor("main", "shop", "production"),
      keys().variablesFor("main", "shop", "production"),
    ]);
    expect([again, at]).toEqual([made, made]);
    expect((await keys().variablesFor("main", "shop", "staging")).LATCHKEY_FLAGS_KEY).not.toBe(made.LATCHKEY_FLAGS_KEY);
    const { items } = await here.owner.listFlagKeys({ params: { project: "main" } });
    expect(items.filter((one) => one.environment === "production").map((one) => one.name)).toEqual([
      ...["shop", "shop in browsers"],
    ]);
    await until("they are in the ledger", async () => {
      const { items: entries } = await here.owner.listLedger({
        query: { type: "flags.key.created", limit: 50 } as never,
      });
      return entries.length === 4;
    });
  });
  it("that were revoked are followed by others at the next start", async () => {
    const before = await keys().variablesFor("main", "shop", "production");
    const { items } = await here.owner.listFlagKeys({ params: { project: "main" } });
    const keyId = items.find((one) => one.name === "shop" && one.environment === "production")?.id ?? "";
    await here.owner.revokeFlagKey({ params: { project: "main", keyId } });
    expect((await snapshot(before.LATCHKEY_FLAGS_KEY)).status).toBe(401);
    const after = await keys().variablesFor("main", "shop", "production");
    expect(after.LATCHKEY_FLAGS_KEY).not.toBe(before.LATCHKEY_FLAGS_KEY);
    expect((await snapshot(after.LATCHKEY_FLAGS_KEY)).status).toBe(200);
  });
});
