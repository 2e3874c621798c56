import { isDeepStrictEqual } from "node:util";
import type { Client } from "@latchkey/api/client";
import { readFlagd } from "@latchkey/core/flags/flagd-read";
import { FLAGD_CASES, type FlagdCase } from "@latchkey/core/flags/testing/flagd-cases";
import { FLAGD_FILE } from "@latchkey/core/flags/testing/flagd-vectors";
import { FlagdCore } from "@openfeature/flagd-core";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { type Client as FeatureClient, OpenFeature } from "@openfeature/server-sdk";
import { OpenFeature as WebFeature, type Provider as WebProvider } from "@openfeature/web-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";

/** flagd's own vectors, taken over and asked for as applications do; and what flagd itself is given. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
const environment = "production";
const key = { server: "", browser: "" };
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
  const make = async (kind: "server" | "browser") =>
    (await owner.createFlagKey({ params: main, body: { name: kind, environment, kind } })).secret;
  Object.assign(key, { server: await make("server"), browser: await make("browser") });
});
afterAll(async () => {
  await OpenFeature.close();
  await WebFeature.close();
  await here.close();
});

/** What cannot be taken over is refused with its place, so that applications go on with the value in the code. */
async function takeOver(hashVersion: "flagd-2" | "flagd-3"): Promise<Set<string | null>> {
  const { flags, problems } = readFlagd(FLAGD_FILE, { environment, hashVersion });
  for (const { key: flag, flag: definition } of flags)
    await owner.putFlag({
      params: { ...main, flag },
      body: { definition: { ...definition, isPublic: true } as never, reason: "from flagd", rebucket: true },
    });
  return new Set(problems.map((problem) => problem.flag));
}
const ask = async (path: string, context: unknown) => {
  const answer = await fetch(`${here.url}/ofrep/v1/evaluate/flags/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key.server}` },
    body: JSON.stringify({ context }),
  });
  return (await answer.json()) as {
    value?: unknown;
    variant?: string;
    reason?: string;
    errorCode?: string;
    metadata?: object;
  };
};
/** The protocol has `targetingKey` as a text only. */
const isAskable = ({ context }: FlagdCase) => ["string", "undefined"].includes(typeof context.targetingKey);
const casesOf = (hashVersion: "flagd-2" | "flagd-3") =>
  FLAGD_CASES.filter(({ only = hashVersion }) => only === hashVersion).filter(isAskable);

function valueBySdk(client: FeatureClient, { flag, context, byCode }: FlagdCase): Promise<unknown> {
  if (typeof byCode === "boolean") return client.getBooleanValue(flag, byCode, context as never);
  if (typeof byCode === "string") return client.getStringValue(flag, byCode, context as never);
  if (typeof byCode === "number") return client.getNumberValue(flag, byCode, context as never);
  return client.getObjectValue(flag, byCode as never, context as never);
}

describe.each(["flagd-2", "flagd-3"] as const)("flagd's vectors over OFREP, hashed by %s", (hashVersion) => {
  it("give what they must, by the protocol and by the official SDK", async () => {
    const refused = await takeOver(hashVersion);
    expect([...refused].sort()).toEqual(["error-targeting-flag", "ref-to-nonexistent-evaluator-flag"]);
    await OpenFeature.setProviderAndWait(
      new OFREPProvider({ baseUrl: here.url, headers: [["authorization", `Bearer ${key.server}`]] }),
    );
    const client = OpenFeature.getClient();
    const cases = casesOf(hashVersion);
    const wrong: unknown[] = [];
    for (const one of cases) {
      const found = await ask(one.flag, one.context);
      const got = found.value === undefined ? one.byCode : found.value;
      const wantedError = refused.has(one.flag) ? "FLAG_NOT_FOUND" : one.errorCode;
      const isRight =
        isDeepStrictEqual(got, one.value) &&
        (one.reason === undefined || found.reason === one.reason) &&
        (wantedError === undefined || found.errorCode === wantedError);
      if (!isRight || !isDeepStrictEqual(await valueBySdk(client, one), one.value)) wrong.push({ one, found });
    }
    process.stdout.write(`flagd vectors over OFREP, ${hashVersion}: ${cases.length - wrong.length}/${cases.length}\n`);
    expect(wrong).toEqual([]);
  });
});

describe("the official SDKs", () => {
  it("tell a flag of another type, one that there is not, and what the flag tells of itself", async () => {
    const client = OpenFeature.getClient();
    for (const [flag, byCode] of [
      ["boolean-flag", "no"],
      ["integer-flag", "no"],
      ["float-flag", "no"],
    ] as const)
      expect(await client.getStringDetails(flag, byCode)).toMatchObject({ value: byCode, errorCode: "TYPE_MISMATCH" });
    for (const flag of ["boolean-flag", "string-flag", "wrong-flag"])
      expect(await client.getNumberDetails(flag, 13)).toMatchObject({ value: 13, errorCode: "TYPE_MISMATCH" });
    for (const flag of ["string-flag", "integer-flag", "float-flag"])
      expect(await client.getBooleanDetails(flag, true)).toMatchObject({ value: true, errorCode: "TYPE_MISMATCH" });
    expect(await client.getStringDetails("missing-flag", "x")).toMatchObject({ errorCode: "FLAG_NOT_FOUND" });
    expect((await client.getBooleanDetails("metadata-flag", false)).flagMetadata).toMatchObject({
      ...{ string: "1.0.2", integer: 2, boolean: true, float: 0.1 },
    });
    expect((await ask("boolean-flag", {})).metadata).toEqual({ rule: "otherwise" });
  });
  it("of the web take all flags at once, for who is there", async () => {
    await WebFeature.setContext({ targetingKey: "jon@company.com", email: "ballmer@macrosoft.com", id: "abcdef" });
    const provider = new OFREPWebProvider({
      ...{ baseUrl: here.url, pollInterval: 0 },
      headers: [["authorization", `Bearer ${key.browser}`]],
    });
    await WebFeature.setProviderAndWait(provider as unknown as WebProvider);
    const client = WebFeature.getClient();
    expect(client.getBooleanDetails("boolean-flag", false)).toMatchObject({ value: true, reason: "STATIC" });
    expect(client.getStringDetails("some-email-targeted-flag", "x")).toMatchObject({
      ...{ value: "hi", variant: "hi", reason: "TARGETING_MATCH" },
    });
    expect(client.getStringValue("starts-ends-flag", "x")).toBe("prefix");
    expect(client.getStringDetails("disabled-string-flag", "mine")).toMatchObject({
      value: "mine",
      reason: "DISABLED",
    });
    expect(client.getBooleanDetails("null-default-flag", true)).toMatchObject({ value: true, reason: "DEFAULT" });
    expect(client.getNumberDetails("boolean-flag", 3)).toMatchObject({ value: 3, errorCode: "TYPE_MISMATCH" });
    expect(client.getStringDetails("missing-flag", "x")).toMatchObject({ errorCode: "FLAG_NOT_FOUND" });
    await WebFeature.setContext({ targetingKey: "jon@company.com", email: "user@example.com" });
    expect(client.getStringValue("some-email-targeted-flag", "x")).toBe("bye");
  });
});

describe("flagd itself", () => {
  const sync = (given: string, headers: Record<string, string> = {}) =>
    fetch(`${here.url}/flagd/v1/sync`, { headers: { authorization: `Bearer ${given}`, ...headers } });

  it("is given the flags of the environment, and gives everybody the same", async () => {
    await takeOver("flagd-2");
    const answer = await sync(key.server);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    const core = new FlagdCore(undefined, { debug() {}, info() {}, warn() {}, error() {} });
    core.setConfigurations(await answer.text());
    const cases = casesOf("flagd-2");
    for (const { flag, context, byCode, value } of cases) {
      if (typeof byCode !== "string") continue;
      expect(core.resolveStringEvaluation(flag, byCode, context as never).value).toBe(value);
    }
    expect(core.getFlagSetMetadata()).toEqual({ flagSetId: "main/production" });
  });
  it("asks again with what it has, and is sent what changed", async () => {
    const etag = (await sync(key.server)).headers.get("etag") ?? "";
    expect((await sync(key.server, { "if-none-match": etag })).status).toBe(304);
    expect((await sync(key.server, { "if-none-match": `W/"other", ${etag}` })).status).toBe(304);
    await owner.switchFlag({
      params: { ...main, flag: "boolean-flag" },
      body: { environment, isEnabled: false, reason: "harm" },
    });
    const changed = await sync(key.server, { "if-none-match": etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(etag);
    const { flags } = (await changed.json()) as { flags: Record<string, { state: string }> };
    expect(flags["boolean-flag"]?.state).toBe("DISABLED");
  });
  it("is told which flags it could not follow", async () => {
    const definition = {
      hashVersion: "unleash",
      environments: {
        production: { isEnabled: true, otherwise: { kind: "rollout", variant: "on", against: "off", percent: 10 } },
      },
    };
    await owner.putFlag({ params: { ...main, flag: "theirs" }, body: { definition: definition as never } });
    const { flags, metadata } = (await (await sync(key.server)).json()) as {
      flags: object;
      metadata: { leftOut: string };
    };
    expect(flags).not.toHaveProperty("theirs");
    expect(metadata.leftOut).toBe("theirs (hashVersion)");
  });
  it("is nothing for browsers, or who has no key", async () => {
    expect((await sync(key.browser)).status).toBe(403);
    expect((await sync("lk_flags_wrong")).status).toBe(401);
  });
});

describe("another hashing", () => {
  it("of a flag that gives shares is refused, unless it is said", async () => {
    const put = (hashVersion: string, more: object = {}) =>
      owner.putFlag({
        params: { ...main, flag: "theirs" },
        body: {
          definition: {
            hashVersion,
            environments: {
              production: {
                isEnabled: true,
                otherwise: { kind: "rollout", variant: "on", against: "off", percent: 10 },
              },
            },
          } as never,
          ...more,
        },
      });
    await expect(put("flagd-3")).rejects.toThrow(/definition\.hashVersion: theirs gives shares of users/);
    expect((await put("flagd-3", { rebucket: true })).applied).toBe(true);
    await expect(put("flagd-1", { rebucket: true })).rejects.toThrow(/hashVersion/);
  });
});
