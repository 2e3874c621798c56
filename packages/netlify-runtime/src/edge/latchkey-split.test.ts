import { createHmac } from "node:crypto";
import { bucketOf } from "@latchkey/core/shared/histogram";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/** The function as it is written into a repository, against a table and deploys that answer as each test says. */
const SECRET = "the site's secret";
const TABLE_URL = "https://latchkey.example/edge/netlify/0123";
const CANARY = "https://canary--shop.netlify.example";
interface Told {
  edge: string;
  sequence: number;
  rows: { arm: string; requests: number; errors: number; unitErrors: number; latency: Record<string, number> }[];
}
let answerTable: (nonce: string) => Response | Promise<Response>;
let answerCanary: () => Response;
let answerBatch: () => Response;
let told: Told[];
let asked: string[];
let waiting: Promise<unknown>[];

const sign = (text: string, secret = SECRET) => `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
const tableText = (nonce: string, also: object = {}) =>
  JSON.stringify({
    version: 1,
    nonce,
    generation: { epoch: 1, n: 4 },
    deploymentId: "dep_1",
    arms: [
      { arm: "baseline", releaseId: "rel_1", origin: "https://one.example", weightPercent: 0 },
      { arm: "canary", releaseId: "rel_2", origin: CANARY, weightPercent: 100 },
    ],
    published: "rel_1",
    apiPrefixes: ["/api/"],
    refreshMs: 2_000,
    maxAgeMs: 10_000,
    ...also,
  });
const signed = (text: string, secret = SECRET) =>
  new Response(text, { headers: { "x-latchkey-signature": sign(text, secret) } });

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  [told, asked, waiting] = [[], [], []];
  answerTable = (nonce) => signed(tableText(nonce));
  answerCanary = () => new Response("canary");
  answerBatch = () => new Response(null, { status: 202 });
  vi.stubGlobal("Netlify", { env: { get: () => `${TABLE_URL}#${SECRET}` } });
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    asked.push(`${init.method ?? "GET"} ${url}`);
    if (url.startsWith(CANARY)) return answerCanary();
    if (init.method !== "POST") return answerTable(new URL(url).searchParams.get("nonce") ?? "");
    const body = String(init.body);
    expect((init.headers as Record<string, string>)["x-latchkey-signature"]).toBe(sign(body));
    told.push(JSON.parse(body) as Told);
    return answerBatch();
  });
});
afterEach(async () => {
  // What a test leaves under way would be told in the next one.
  await flush();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function load(): Promise<(path?: string, init?: RequestInit) => Promise<Response>> {
  const { default: split } = await import("./latchkey-split.ts");
  return (path = "/", init = {}) =>
    split(new Request(`https://shop.example${path}`, init), {
      next: async () => new Response("published"),
      waitUntil: (work) => void waiting.push(work),
    });
}
const flush = async () => {
  await vi.advanceTimersByTimeAsync(1_500);
  await Promise.all(waiting);
};

describe("who gets the release on trial", () => {
  it("gets it by the table, keeps it by the cookie, and is counted as the gateway counts", async () => {
    const visit = await load();
    const first = await visit();
    expect(await first.text()).toBe("canary");
    const [place = ""] = first.headers.getSetCookie();
    expect(place).toMatch(/^lk_place=dep_1!\d{1,6}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure$/);
    const second = await visit("/", { headers: { cookie: place.split(";")[0] ?? "" } });
    expect(second.headers.getSetCookie()).toEqual([]);
    await flush();
    expect(told).toHaveLength(1);
    const [row] = told[0]?.rows ?? [];
    expect(row).toMatchObject({ arm: "canary", requests: 2, errors: 0, unitErrors: 0 });
    expect(row?.latency).toEqual({ [String(bucketOf(0))]: 2 });
  });

  it("counts a visitor's second error as no new evidence", async () => {
    answerCanary = () => new Response("sorry", { status: 500 });
    const visit = await load();
    const first = await visit();
    expect(first.status).toBe(500);
    const cookie = first.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    await visit("/", { headers: { cookie } });
    await flush();
    expect(told[0]?.rows[0]).toMatchObject({ requests: 2, errors: 2, unitErrors: 1 });
  });

  it("sends a batch again, as the same one, until Latchkey has it", async () => {
    answerBatch = () => new Response(null, { status: 503 });
    const visit = await load();
    await visit();
    await flush();
    answerBatch = () => new Response(null, { status: 202 });
    await visit();
    await flush();
    expect(told.map(({ sequence }) => sequence)).toEqual([1, 1, 2]);
    expect(new Set(told.map(({ edge }) => edge)).size).toBe(1);
  });
});

describe("on any doubt the published deploy answers", () => {
  const tables: [string, (nonce: string) => Response | Promise<Response>][] = [
    ["the table can't be reached", () => Promise.reject(new Error("down"))],
    ["the table's server fails", () => new Response("", { status: 500 })],
    ["the table is signed by another", (nonce) => signed(tableText(nonce), "another")],
    ["the table is one of before", () => signed(tableText("another nonce"))],
    ["the table is no JSON", () => signed("{")],
    ["the table is of another version", (nonce) => signed(tableText(nonce, { version: 2 }))],
    ["there are no arms", (nonce) => signed(tableText(nonce, { arms: [] }))],
    ["the site shows something else", (nonce) => signed(tableText(nonce, { published: "rel_9" }))],
  ];
  it.each(tables)("%s", async (_what, table) => {
    answerTable = table;
    expect(await (await (await load())()).text()).toBe("published");
  });
  const deploys: [string, () => Response][] = [
    [
      "the deploy can't be reached",
      () => {
        throw new TypeError("fetch failed");
      },
    ],
    ["Netlify answers for the deploy", () => new Response("", { status: 502 })],
  ];
  it.each(deploys)("%s", async (_what, deploy) => {
    answerCanary = deploy;
    expect(await (await (await load())()).text()).toBe("published");
  });
  it("the variable is not set", async () => {
    vi.stubGlobal("Netlify", { env: { get: () => undefined } });
    expect(await (await (await load())()).text()).toBe("published");
  });

  it("the table is too old: for as long as it is young enough it holds, and not a moment longer", async () => {
    const visit = await load();
    expect(await (await visit()).text()).toBe("canary");
    answerTable = () => Promise.reject(new Error("down"));
    await vi.advanceTimersByTimeAsync(9_900);
    expect(await (await visit()).text()).toBe("canary");
    await vi.advanceTimersByTimeAsync(200);
    expect(await (await visit()).text()).toBe("published");
  });

  it("a deploy that can't be reached is an error of the release, and nothing is sent twice that changes something", async () => {
    answerCanary = () => new Response("", { status: 503 });
    const visit = await load();
    const posted = await visit("/api/leads", { method: "POST", body: "{}" });
    expect(posted.status).toBe(502);
    await flush();
    expect(told[0]?.rows[0]).toMatchObject({ arm: "canary", requests: 1, errors: 1 });
  });

  it("what this function asks of a deploy is not split again", async () => {
    const visit = await load();
    expect(await (await visit("/", { headers: { "x-latchkey-arm": "canary" } })).text()).toBe("published");
    expect(asked).toEqual([]);
  });
});
