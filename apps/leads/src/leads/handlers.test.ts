import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ApiRequest, handleApi } from "./handlers.ts";
import { type Lead, NEXT, STATUSES } from "./lead.ts";
import { memoryStore } from "./memory-store.ts";

const observer = () => {
  const seen: string[] = [];
  return { seen, leadProcessed: (source: string, status: string) => void seen.push(`${source}/${status}`) };
};
const lead = (email = "sam@example.com") => ({
  contact: { name: "Sam Example", email, phone: "555-0100-200" },
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "single_family" },
});
const ask = (over: Partial<ApiRequest>): ApiRequest => ({
  method: "GET",
  path: "/api/leads",
  query: {},
  body: null,
  idempotencyKey: null,
  ...over,
});

describe("leads", () => {
  it("takes a lead once, whatever is sent twice under one key", async () => {
    const store = memoryStore();
    const o = observer();
    const request = ask({ method: "POST", body: lead(), idempotencyKey: "k1" });
    const first = await handleApi(store, request, o);
    const second = await handleApi(store, request, o);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect((second.body as Lead).id).toBe((first.body as Lead).id);
    expect(o.seen).toEqual(["website/new"]);
  });
  it("refuses another lead under a used key, instead of losing it", async () => {
    const store = memoryStore();
    const post = (body: unknown, idempotencyKey: string) =>
      handleApi(store, ask({ method: "POST", body, idempotencyKey }), observer());
    expect((await post(lead(), "k1")).status).toBe(201);
    expect((await post(lead("other@example.com"), "k1")).status).toBe(422);
    expect((await post(lead("other@example.com"), "k2")).status).toBe(201);
    expect((await post(lead("third@example.com"), "x".repeat(201))).status).toBe(400);
  });
  it("finds by status and by text, in name, e-mail or address", async () => {
    const store = memoryStore();
    const made = (await handleApi(store, ask({ method: "POST", body: lead() }), observer())).body as Lead;
    await handleApi(store, ask({ method: "POST", body: lead("kim@example.org") }), observer());
    await store.move(made.id, "new", "contacted");
    const found = async (query: Record<string, string>) =>
      ((await handleApi(store, ask({ query }), observer())).body as { items: Lead[] }).items.map(
        (l) => l.contact.email,
      );
    expect(await found({ status: "contacted" })).toEqual(["sam@example.com"]);
    expect(await found({ q: "KIM@" })).toEqual(["kim@example.org"]);
    expect(await found({ q: "main st" })).toHaveLength(2);
    expect(await found({ q: "%" })).toEqual([]);
    expect(await found({ q: "main st", status: "new" })).toEqual(["kim@example.org"]);
    expect((await handleApi(store, ask({ query: { status: "sold" } }), observer())).status).toBe(400);
  });
  it("keeps notes, oldest first, of a lead that is there", async () => {
    const store = memoryStore();
    const made = (await handleApi(store, ask({ method: "POST", body: lead() }), observer())).body as Lead;
    const notes = (over: Partial<ApiRequest>) =>
      handleApi(store, ask({ path: `/api/leads/${made.id}/notes`, ...over }), observer());
    expect((await notes({ method: "POST", body: { body: "Called." } })).status).toBe(201);
    expect((await notes({ method: "POST", body: { body: "Sold.", author: "Ada" } })).status).toBe(201);
    expect((await notes({ method: "POST", body: { body: " " } })).status).toBe(400);
    const { items } = (await notes({})).body as { items: { body: string; author: string }[] };
    expect(items.map((n) => [n.author, n.body])).toEqual([
      ["Team", "Called."],
      ["Ada", "Sold."],
    ]);
    expect((await notes({ path: "/api/leads/lead_none/notes" })).status).toBe(404);
  });
  it.each([
    ["DELETE", "/api/leads", 405],
    ["PUT", "/api/leads/lead_1", 405],
    ["GET", "/api/leads/lead_1/status", 405],
    ["DELETE", "/api/leads/lead_1/notes", 405],
    ["GET", "/api/leads/lead_1/other", 404],
    ["GET", "/api/leads/lead_1/notes/more", 404],
    ["GET", "/api/houses", 404],
    ["GET", "/api/leads/lead_1", 404],
    ["GET", "/api/leads/", 200],
  ])("%s %s: %i", async (method, path, status) => {
    expect((await handleApi(memoryStore(), ask({ method, path }), observer())).status).toBe(status);
  });
  it("links the same person and house, and gives spam a friendly nothing", async () => {
    const store = memoryStore();
    const o = observer();
    const first = await handleApi(store, ask({ method: "POST", body: lead() }), o);
    const again = await handleApi(store, ask({ method: "POST", body: lead("SAM@example.com") }), o);
    expect((again.body as Lead).duplicateOf).toBe((first.body as Lead).id);
    const spam = await handleApi(
      store,
      ask({ method: "POST", body: { ...lead("bot@example.com"), website: "http://spam.example" } }),
      o,
    );
    expect(spam.status).toBe(202);
    const listed = await handleApi(store, ask({}), o);
    expect((listed.body as { items: Lead[] }).items).toHaveLength(2);
  });
  it("names the field that is wrong", async () => {
    const answer = await handleApi(
      memoryStore(),
      ask({ method: "POST", body: { ...lead(), contact: { name: "", email: "no", phone: "1" } } }),
      observer(),
    );
    expect(answer.status).toBe(400);
    expect((answer.body as { fields: { field: string }[] }).fields.map((f) => f.field)).toEqual([
      "contact.name",
      "contact.email",
      "contact.phone",
    ]);
  });
  it("pages through all leads without loss or repeat", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 10 }), async (count, limit) => {
        const store = memoryStore();
        for (let i = 0; i < count; i++)
          await handleApi(store, ask({ method: "POST", body: lead(`p${i}@example.com`) }), observer());
        const seen: string[] = [];
        for (let cursor: string | null = ""; cursor !== null; ) {
          const answer = await handleApi(
            store,
            ask({ query: { limit: String(limit), ...(cursor ? { cursor } : {}) } }),
            observer(),
          );
          const page = answer.body as { items: Lead[]; next: string | null };
          seen.push(...page.items.map((l) => l.id));
          cursor = page.next;
        }
        expect(new Set(seen).size).toBe(count);
        expect(seen).toHaveLength(count);
      }),
      { numRuns: 20 },
    );
  });
});

describe("the pipeline of a lead", () => {
  it("allows exactly the legal moves", async () => {
    for (const from of STATUSES) {
      for (const to of STATUSES) {
        const store = memoryStore();
        const made = (await handleApi(store, ask({ method: "POST", body: lead() }), observer())).body as Lead;
        await store.move(made.id, "new", from);
        const answer = await handleApi(
          store,
          ask({ method: "POST", path: `/api/leads/${made.id}/status`, body: { status: to } }),
          observer(),
        );
        expect(answer.status).toBe(from === to || NEXT[from].includes(to) ? 200 : 409);
      }
    }
  });
});
