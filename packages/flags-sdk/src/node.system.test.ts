import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../../../apps/server/src/testing/built-server.ts";
import { until } from "../../../apps/server/src/testing/until.ts";
import { type FlagsOptions, openFlags } from "./node.ts";

/** Programs that evaluate by themselves, beside a server that is killed and comes back. */
let server: BuiltServer;
let key = "";
const folder = mkdtempSync(join(tmpdir(), "flags-sdk-"));
const main = { project: "main" };
const opened: { close(): Promise<void> }[] = [];
const open = <T extends object = Record<string, boolean | string>>(also: Partial<FlagsOptions> = {}) => {
  const flags = openFlags<T>({ url: server.url, key, reports: false, ...also });
  opened.push(flags);
  return flags;
};
const rules = (percent: number) => ({
  isEnabled: true,
  rules: [
    {
      id: "abroad",
      when: { kind: "attribute" as const, attribute: "country", operator: "in" as const, values: ["DE"] },
      serve: { kind: "variant" as const, variant: "off" },
    },
  ],
  otherwise: { kind: "rollout" as const, variant: "on", against: "off", percent },
});
const put = (client: Client, flag: string, percent: number, also: object = {}) =>
  client.putFlag({
    params: { ...main, flag },
    body: { definition: { environments: { production: rules(percent) }, ...also } as never, reason: "a test" },
  });
const turn = (flag: string, isEnabled: boolean) =>
  server.owner.switchFlag({
    params: { ...main, flag },
    body: { environment: "production", isEnabled, reason: "a test" },
  });
const user = { targetingKey: "u-1" };

beforeAll(async () => {
  server = await BuiltServer.start();
  await put(server.owner, "form", 100);
  await put(server.owner, "colour", 100, { type: "string", variants: { on: "blue", off: "grey" } });
  const body = { name: "api", environment: "production", kind: "server" as const };
  key = (await server.owner.createFlagKey({ params: main, body })).secret;
});
afterAll(async () => {
  await Promise.all(opened.map((flags) => flags.close()));
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a program with flags", () => {
  it("is answered fallbacks at once, and what the server has as soon as that is known", async () => {
    const flags = open();
    expect(flags.details("form", false, user)).toMatchObject({ value: false, errorCode: "PROVIDER_NOT_READY" });
    expect(await flags.ready({ withinMs: 30_000 })).toBe(true);
    expect(flags.details("form", false, user)).toEqual({
      ...{ value: true, variant: "on", reason: "SPLIT", rule: "otherwise", errorCode: null },
    });
    expect(flags.value("colour", "red", { ...user, country: "DE" })).toBe("grey");
    expect(flags.value("form", false)).toBe(false);
  });
  it("gets the fallback, and why, for what is unknown or of another type; nothing is thrown", async () => {
    const flags = open();
    await flags.ready({ withinMs: 30_000 });
    expect(flags.details("nowhere", true, user)).toMatchObject({ value: true, errorCode: "FLAG_NOT_FOUND" });
    expect(flags.details("colour", false, user)).toMatchObject({ value: false, errorCode: "TYPE_MISMATCH" });
    expect(flags.details("constructor", "x", user)).toMatchObject({ value: "x", errorCode: "FLAG_NOT_FOUND" });
    const cruel = new Proxy({}, { get: assertNever, has: assertNever, getOwnPropertyDescriptor: assertNever });
    expect(flags.details("form", false, cruel)).toMatchObject({ value: false, errorCode: "GENERAL" });
  });
  it("goes by its own value where the server serves nothing, and that is no error", async () => {
    await put(server.owner, "own-value", 0, {
      environments: { production: { ...rules(0), isEnabled: false, off: null, rules: [] } },
    });
    const flags = open();
    await flags.ready({ withinMs: 30_000 });
    expect(flags.details("own-value", true, user)).toMatchObject({ value: true, errorCode: null, reason: "DISABLED" });
  });
  it("hears of a change without being asked", async () => {
    const flags = open();
    await flags.ready({ withinMs: 30_000 });
    const changed: string[] = [];
    flags.on("change", (keys) => changed.push(...keys));
    await turn("form", false);
    await until("the change is heard", async () => changed.includes("form"));
    expect(changed).toEqual(["form"]);
    expect(flags.value("form", true, user)).toBe(false);
    await turn("form", true);
    await until("it is on again", async () => flags.value("form", false, user));
  });
  it("is given rules for servers' keys only, and not again while nothing changes", async () => {
    const body = { name: "web", environment: "production", kind: "browser" as const };
    const { secret } = await server.owner.createFlagKey({ params: main, body });
    const ask = (given: string, headers: Record<string, string> = {}) =>
      fetch(`${server.url}/flags/v1/snapshot`, { headers: { authorization: `Bearer ${given}`, ...headers } });
    expect((await ask(secret)).status).toBe(403);
    expect((await ask("lk_flags_wrong")).status).toBe(401);
    const answer = await ask(key);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ format: "latchkey-flags/1", environment: "production" });
    expect((await ask(key, { "if-none-match": answer.headers.get("etag") ?? "" })).status).toBe(304);
    const problems: string[] = [];
    const flags = open({ key: secret, onProblem: (words) => problems.push(words) });
    await until("it is told", async () => problems.length > 0);
    expect(problems[0]).toContain("403: A browser's key is answered values, not rules.");
    expect(flags.state).toBe("starting");
  });
});

describe("a server that is killed", () => {
  it("leaves values as they were; what changes later is heard when it is back", async () => {
    const kept = join(folder, "kept.json");
    const flags = open({ keepIn: kept });
    await flags.ready({ withinMs: 30_000 });
    expect(flags.value("form", false, user)).toBe(true);
    await server.kill();
    await until("it is missed", async () => flags.state === "stale");
    expect(flags.details("form", false, user)).toMatchObject({ value: true, reason: "SPLIT" });
    expect(flags.problem).toContain("can't be reached");

    // A program that starts now knows what the other one was told last.
    const later = open({ keepIn: kept });
    expect([later.state, later.value("form", false, user)]).toEqual(["stale", true]);
    // And one without such a file what it was built with.
    const built = open({ snapshot: flags.snapshot });
    expect(built.value("colour", "red", user)).toBe("blue");
    const bare = open();
    expect(bare.value("colour", "red", user)).toBe("red");
    expect(await bare.ready({ withinMs: 1 })).toBe(false);

    await server.start();
    await turn("form", false);
    await until("all have come back", async () =>
      [flags, later, built, bare].every((one) => one.state === "ready" && one.value("form", true, user) === false),
    );
    await turn("form", true);
  });
  it("is looked for by a function behind its calls, none of which waits", async () => {
    const snapshot = { format: "latchkey-flags/1", environment: "production", flags: [], segments: [] };
    const flags = open({ mode: "function", snapshot });
    expect(flags.details("form", false, user)).toMatchObject({ errorCode: "FLAG_NOT_FOUND" });
    await until("it was looked for", async () => flags.value("form", false, user));
  });
});

describe("a snapshot", () => {
  it("that can't be read is told, and keeps nothing from starting", () => {
    const file = join(folder, "broken.json");
    for (const [text, said] of [
      ["{", "can't be read"],
      ['{"format":"other"}', "format should be latchkey-flags/1"],
      ['{"format":"latchkey-flags/1","environment":"x","flags":[1],"segments":[]}', "flags must be a list of flags"],
    ] as const) {
      writeFileSync(file, text);
      const problems: string[] = [];
      const flags = openFlags({ snapshot: file, onProblem: (words) => problems.push(words) });
      expect(flags.value("form", true)).toBe(true);
      expect(problems.join()).toContain(said);
    }
  });
});

describe("reports", () => {
  it("are counted by the server: who met which variant, and who was hurt", async () => {
    await put(server.owner, "half", 50);
    const flags = open({ reports: true });
    await flags.ready({ withinMs: 30_000 });
    await until("the flag is known", async () => flags.keys.includes("half"));
    const treated = Array.from({ length: 100 }, (_, i) => `u-${i}`).filter((targetingKey) =>
      flags.value("half", false, { targetingKey }),
    );
    for (const who of treated.slice(0, 3)) flags.track("errors", who, { isBad: true });
    await flags.flush();
    expect(flags.waiting).toBe(0);
    const { items } = await server.owner.getFlagResults({ params: { ...main, flag: "half" } });
    expect(items[0]?.exposed).toEqual({ treated: treated.length, control: 100 - treated.length });
    expect(items[0]?.guardrails.find(({ metric }) => metric === "errors")).toMatchObject({ treated: 3, control: 0 });
  });
  it("are posted once for each who meets a variant, with what happened to them, kept while nobody takes them", async () => {
    const posts: { flag: string; variant: string; rule: string; key: string; at: string }[][] = [];
    const events: object[] = [];
    let status = 503;
    const desk = createServer((request, response) => {
      let text = "";
      request.on("data", (part: Buffer) => {
        text += part.toString();
      });
      request.on("end", () => {
        const body = JSON.parse(text || "{}") as { exposures?: (typeof posts)[number]; events?: object[] };
        if (status === 202 && body.exposures) posts.push(body.exposures);
        if (status === 202) events.push(...(body.events ?? []));
        response
          .writeHead(["/flags/v1/exposures", "/flags/v1/events"].includes(request.url ?? "") ? status : 404)
          .end("{}");
      });
    });
    await new Promise<void>((done) => desk.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(desk.address() as AddressInfo).port}`;
    const first = open();
    await first.ready({ withinMs: 30_000 });
    const flags = openFlags({ url, key: "k", snapshot: first.snapshot });
    opened.push(flags);
    for (let round = 0; round < 3; round++)
      for (let i = 0; i < 1_200; i++) flags.value("form", false, { targetingKey: `u-${i}` });
    // Nobody meets a variant by chance here: not counted.
    flags.value("form", false, { ...user, country: "DE" });
    flags.value("form", false);
    flags.value("form", false, { targetingKey: "x".repeat(300) });
    flags.track("errors", "u-1", { isBad: true });
    flags.track("errors", "u-1", { isBad: false });
    expect(flags.waiting).toBe(1_202);
    await flags.flush();
    expect(flags.waiting).toBe(1_202);
    status = 202;
    await until("they are taken", async () => {
      await flags.flush();
      return flags.waiting === 0;
    });
    expect(posts.map((batch) => batch.length)).toEqual([1_000, 200]);
    expect(posts[0]?.[0]).toMatchObject({ flag: "form", variant: "on", rule: "otherwise", key: "u-0" });
    expect(posts.flat().every(({ at }) => new Date(at).toISOString() === at)).toBe(true);
    expect(events).toMatchObject([
      { metric: "errors", key: "u-1", isBad: true },
      { metric: "errors", key: "u-1", isBad: false },
    ]);
    expect(new Set(posts.flat().map((one) => one.key)).size).toBe(1_200);
    await flags.close();
    desk.close();
  });

  it("show the server a sample of users, without who they are, to try a change on", async () => {
    const params = { ...main, flag: "sampled" };
    const definition = (percent: number, by: readonly object[]) =>
      ({ environments: { staging: { ...rules(percent), rules: by } } }) as never;
    await server.owner.putFlag({ params, body: { definition: definition(100, rules(100).rules), reason: "a test" } });
    const body = { name: "staging", environment: "staging", kind: "server" as const };
    const flags = open({ reports: true, key: (await server.owner.createFlagKey({ params: main, body })).secret });
    await flags.ready({ withinMs: 20_000 });
    for (let n = 0; n < 30; n++) {
      const country = n < 10 ? "DE" : "FR";
      flags.value("sampled", false, { targetingKey: `ada-${n}`, country, email: `ada-${n}@example.com` });
    }
    await flags.flush();
    const asked = { environment: "staging", definition: definition(0, []) };
    const found = await server.owner.previewFlag({ params, body: asked });
    expect(found).toMatchObject({ users: 30, estimatedUsers: 30, changed: 20 });
    const browser = { name: "page", environment: "production", kind: "browser" as const };
    const { secret } = await server.owner.createFlagKey({ params: main, body: browser });
    const refused = await fetch(`${server.url}/flags/v1/seen`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
      body: JSON.stringify({ seen: [] }),
    });
    expect(refused.status).toBe(403);
  });
});

function assertNever(): never {
  throw new Error("an attribute that can't be read");
}
