import { OpenFeature } from "@openfeature/server-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../../../apps/server/src/testing/built-server.ts";
import { until } from "../../../apps/server/src/testing/until.ts";
import { openFlags } from "./node.ts";
import { LatchkeyProvider } from "./openfeature-server.ts";

/** The official SDK for servers with our provider, against a server that is killed and comes back. */
let server: BuiltServer;
let key = "";
const main = { project: "main" };
const heard: string[] = [];
const environments = {
  production: { isEnabled: true, otherwise: { kind: "rollout", variant: "on", against: "off", percent: 100 } },
};
const put = (flag: string, definition: object) =>
  server.owner.putFlag({ params: { ...main, flag }, body: { definition: definition as never, reason: "a test" } });
beforeAll(async () => {
  server = await BuiltServer.start();
  await put("form", { environments });
  await put("limit", { type: "number", variants: { on: 7.5, off: 0 }, environments });
  await put("colour", { type: "string", variants: { on: "blue", off: "grey" }, environments });
  await put("layout", { type: "json", variants: { on: { columns: [1, 2] }, off: {} }, environments });
  const body = { name: "api", environment: "production", kind: "server" as const };
  key = (await server.owner.createFlagKey({ params: main, body })).secret;
  await OpenFeature.setProviderAndWait(new LatchkeyProvider(openFlags({ url: server.url, key, reports: false })));
  const client = OpenFeature.getClient();
  for (const event of ["PROVIDER_READY", "PROVIDER_STALE", "PROVIDER_CONFIGURATION_CHANGED", "PROVIDER_ERROR"] as const)
    client.addHandler(event as never, () => void heard.push(event));
});
afterAll(async () => {
  await OpenFeature.close();
  await server?.close();
});
const user = { targetingKey: "u-1" };

describe("OpenFeature's SDK for servers", () => {
  it("is answered every type, with variant, reason and rule", async () => {
    const client = OpenFeature.getClient();
    expect(await client.getBooleanDetails("form", false, user)).toMatchObject({
      ...{ value: true, variant: "on", reason: "SPLIT", flagMetadata: { rule: "otherwise" } },
    });
    expect(await client.getNumberValue("limit", 1, user)).toBe(7.5);
    expect(await client.getStringValue("colour", "red", user)).toBe("blue");
    expect(await client.getObjectValue("layout", {}, user)).toEqual({ columns: [1, 2] });
  });
  it("is answered the fallback with OpenFeature's error codes", async () => {
    const client = OpenFeature.getClient();
    expect(await client.getBooleanDetails("nowhere", true, user)).toMatchObject({
      ...{ value: true, reason: "ERROR", errorCode: "FLAG_NOT_FOUND" },
    });
    expect(await client.getBooleanDetails("colour", true, user)).toMatchObject({
      ...{ value: true, reason: "ERROR", errorCode: "TYPE_MISMATCH" },
    });
  });
  it("hears of changes, of the server's death, and that it is back", async () => {
    const client = OpenFeature.getClient();
    const turn = (isEnabled: boolean) =>
      server.owner.switchFlag({
        params: { ...main, flag: "form" },
        body: { environment: "production", isEnabled, reason: "a test" },
      });
    await turn(false);
    await until("the change is heard", async () => heard.includes("PROVIDER_CONFIGURATION_CHANGED"));
    expect(await client.getBooleanValue("form", true, user)).toBe(false);
    heard.length = 0;
    await server.kill();
    await until("it is missed", async () => heard.includes("PROVIDER_STALE"));
    expect(await client.getBooleanValue("form", true, user)).toBe(false);
    await server.start();
    await turn(true);
    await until("it is back", async () => heard.includes("PROVIDER_READY"));
    await until("the change is heard", async () => client.getBooleanValue("form", false, user));
  });
  it("is told when nothing can be known, and gets ready later all the same", async () => {
    await server.kill();
    // A client of a name of its own hears the default provider, too, and that comes back as well.
    await OpenFeature.clearProviders();
    const flags = openFlags({ url: server.url, key, reports: false });
    const events: string[] = [];
    const client = OpenFeature.getClient("late");
    await expect(OpenFeature.setProviderAndWait("late", new LatchkeyProvider(flags))).rejects.toThrow(
      "can't be reached",
    );
    client.addHandler("PROVIDER_ERROR" as never, () => void events.push("error"));
    client.addHandler("PROVIDER_READY" as never, () => void events.push("ready"));
    expect(await client.getBooleanDetails("form", true, user)).toMatchObject({ value: true, reason: "ERROR" });
    await server.start();
    await until("it is ready", async () => events.includes("ready"));
    expect(await client.getBooleanDetails("form", false, user)).toMatchObject({ value: true, reason: "SPLIT" });
    expect(events[0]).toBe("error");
  });
});
