import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

/** OFREP 0.3 as an application asks it, with keys of its own. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
const key = { server: "", serverId: "", browser: "" };
const definition = (isPublic: boolean, type: "boolean" | "string" = "boolean") => ({
  ...{ isPublic, type, variants: type === "boolean" ? { on: true, off: false } : { on: "blue", off: "grey" } },
  environments: {
    production: {
      isEnabled: true,
      rules: [
        {
          id: "abroad",
          when: { kind: "attribute", attribute: "country", operator: "in", values: ["DE"] },
          serve: { kind: "variant", variant: "off" },
        },
      ],
      otherwise: { kind: "rollout", variant: "on", against: "off", percent: 100 },
    },
  },
});
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
  const put = (flag: string, of: ReturnType<typeof definition>) =>
    owner.putFlag({ params: { ...main, flag }, body: { definition: of as never, reason: "a test" } });
  await put("open", definition(true));
  await put("inner", definition(false, "string"));
  const make = (kind: "server" | "browser") =>
    owner.createFlagKey({ params: main, body: { name: kind, environment: "production", kind } });
  const server = await make("server");
  Object.assign(key, { server: server.secret, serverId: server.key.id, browser: (await make("browser")).secret });
});
afterAll(() => here.close());

const ask = (path: string, body: object, given: string, headers: Record<string, string> = {}) =>
  fetch(`${here.url}/ofrep/v1/evaluate/flags${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${given}`, ...headers },
    body: JSON.stringify(body),
  });
const user = { context: { targetingKey: "u-1" } };

describe("one flag", () => {
  it("is answered with value, variant and reason", async () => {
    const answer = await ask("/inner", user, key.server);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      ...{ key: "inner", value: "blue", variant: "on", reason: "SPLIT", metadata: { rule: "otherwise" } },
    });
    const abroad = await ask("/inner", { context: { targetingKey: "u-1", country: "DE" } }, key.server);
    expect(await abroad.json()).toMatchObject({ value: "grey", reason: "TARGETING_MATCH" });
  });
  it("that there is not, and a context that is none, have the protocol's errors", async () => {
    for (const name of ["nowhere", "constructor", "__proto__"]) {
      const missing = await ask(`/${name}`, user, key.server);
      expect([missing.status, await missing.json()]).toMatchObject([404, { errorCode: "FLAG_NOT_FOUND" }]);
    }
    for (const context of [[], "u-1", { targetingKey: 7 }]) {
      const wrong = await ask("/open", { context }, key.server);
      expect([wrong.status, await wrong.json()]).toMatchObject([400, { errorCode: "INVALID_CONTEXT" }]);
    }
  });
  it("is nothing for who has no key, or one that was revoked", async () => {
    expect((await ask("/open", user, "lk_flags_wrong")).status).toBe(401);
    const { key: made, secret } = await owner.createFlagKey({
      params: main,
      body: { name: "gone", environment: "production", kind: "server" },
    });
    expect((await ask("/open", user, secret)).status).toBe(200);
    await owner.revokeFlagKey({ params: { ...main, keyId: made.id } });
    expect((await ask("/open", user, secret)).status).toBe(401);
  });
});

describe("all flags", () => {
  it("are those of the key: a browser's are public ones, from a page of any origin", async () => {
    const names = async (given: string) =>
      ((await (await ask("", user, given)).json()) as { flags: { key: string }[] }).flags.map((flag) => flag.key);
    expect(await names(key.server)).toEqual(["inner", "open"]);
    expect(await names(key.browser)).toEqual(["open"]);
    expect((await ask("/inner", user, key.browser)).status).toBe(404);
    const before = await fetch(`${here.url}/ofrep/v1/evaluate/flags`, { method: "OPTIONS" });
    expect(before.headers.get("access-control-allow-origin")).toBe("*");
  });
  it("have an ETag: what has not changed is not sent again", async () => {
    const first = await ask("", user, key.server);
    const etag = first.headers.get("etag") ?? "";
    expect((await ask("", user, key.server, { "if-none-match": etag })).status).toBe(304);
    const other = { context: { targetingKey: "u-1", country: "DE" } };
    expect((await ask("", other, key.server, { "if-none-match": etag })).status).toBe(200);
  });
});

describe("a change", () => {
  it("is told to who listens, and answered at once by who hears it", async () => {
    const { eventStreams } = (await (await ask("", user, key.server)).json()) as { eventStreams: { url: string }[] };
    const address = eventStreams[0]?.url ?? "";
    const heard: string[] = [];
    const stop = new AbortController();
    const stream = await fetch(here.url + address, { signal: stop.signal });
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    const reading = (async () => {
      for await (const bytes of stream.body ?? []) heard.push(Buffer.from(bytes as Uint8Array).toString());
    })().catch(() => {});
    await owner.switchFlag({
      params: { ...main, flag: "open" },
      body: { environment: "production", isEnabled: false, reason: "harm" },
    });
    await until("the change is heard", async () => heard.join("").includes('{"type":"refetchEvaluation"}'));
    expect(await (await ask("/open", user, key.server)).json()).toMatchObject({ value: false, reason: "DISABLED" });
    stop.abort();
    await reading;
    const [path, ticket = ""] = address.split("=");
    for (const forged of [`${ticket}x`, ticket.replace(/\.\d+\./, ".9999999999999."), "flk_1.1.a", ""])
      expect((await fetch(`${here.url}${path}=${forged}`)).status).toBe(401);
  });
  it("of its key ends the stream", async () => {
    const { eventStreams } = (await (await ask("", user, key.server)).json()) as { eventStreams: { url: string }[] };
    const stream = await fetch(here.url + (eventStreams[0]?.url ?? ""));
    await owner.revokeFlagKey({ params: { ...main, keyId: key.serverId } });
    // Ends, instead of standing open for ever.
    for await (const _ of stream.body ?? []);
    expect((await ask("/open", user, key.server)).status).toBe(401);
  });
});

describe("a change of a flag that is not saved", () => {
  it("is tried on last week's users, whose identity nobody keeps", async () => {
    const preview = (percent: number) =>
      owner.previewFlag({
        params: { ...main, flag: "tried" },
        body: { environment: "staging", definition: at(percent) },
      });
    const at = (percent: number) => ({
      environments: {
        staging: {
          isEnabled: true,
          otherwise: { kind: "rollout", by: "email", variant: "on", against: "off", percent } as const,
        },
      },
    });
    await owner.putFlag({ params: { ...main, flag: "tried" }, body: { definition: at(0), reason: "a test" } });
    expect(await preview(50)).toMatchObject({ users: 0, estimatedUsers: 0, variants: [] });
    const body = { name: "staging", environment: "staging", kind: "server" as const };
    const { secret } = await owner.createFlagKey({ params: main, body });
    for (let n = 0; n < 40; n++)
      for (let again = 0; again < 2; again++)
        await ask("/tried", { context: { targetingKey: `u-${n}`, email: `u-${n}@example.com`, plan: "pro" } }, secret);
    const all = await preview(100);
    expect(all).toMatchObject({ users: 40, estimatedUsers: 40, changed: 40 });
    expect(all.variants).toEqual([
      { variant: "on", before: 0, after: 40 },
      { variant: "off", before: 40, after: 0 },
    ]);
    const kept = await here.database.pool.query("select context from flag_seen_user where environment = 'staging'");
    expect(kept.rows).toHaveLength(40);
    expect(JSON.stringify(kept.rows)).not.toMatch(/u-\d+/);
    expect(kept.rows[0]?.context).toMatchObject({ plan: "pro", email: expect.stringMatching(/@example.com$/) });
  });
});
