import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { takeFlagGeneration } from "./flags.store.ts";
import { revokeClientKey, takeKeyRows } from "./keys.store.ts";

/** What whoever finds a page's key can do with it, and what ends with it. */
let here: Installation;
let owner: Client;
const main = { project: "main" };
const make = (kind: "server" | "browser") =>
  owner.createFlagKey({ params: main, body: { name: kind, environment: "production", kind } });

beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
});
afterAll(() => here.close());

describe("the rows that a browser's key may tell", () => {
  it("are limited by minute and by day; those on top are counted, whoever asks at the same time", async () => {
    const { db } = here.database.owner;
    const take = (id: string, rows: number) => takeKeyRows(db, id, rows, { ofMinute: 1_000_000, ofDay: 1_000 });
    const taken = await Promise.all(Array.from({ length: 8 }, () => take("flk_day", 300)));
    expect(taken.reduce((sum, one) => sum + one, 0)).toBe(1_000);
    const ofMinute = (rows: number) => takeKeyRows(db, "flk_minute", rows, { ofMinute: 500, ofDay: 1_000_000 });
    expect(await ofMinute(700)).toBe(500);
    // A minute may have passed in between: then there is room for as many again.
    expect([0, 500]).toContain(await ofMinute(700));
  });

  it("are shown where they were dropped", async () => {
    const { key, secret } = await make("browser");
    await takeKeyRows(here.database.owner.db, key.id, 4_000, { ofMinute: 1_000, ofDay: 1_000 });
    const shown = (await owner.listFlagKeys({ params: main })).items.find((one) => one.id === key.id);
    expect(shown).toMatchObject({ droppedRows: 3_000 });
    const answer = await fetch(`${here.url}/flags/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ events: [{ metric: "errors", key: "u-1", isBad: true }] }),
    });
    expect(await answer.json()).toEqual({ accepted: 1 });
  });
});

describe("a key that another server revoked", () => {
  it("has its streams ended here as well", async () => {
    const [gone, kept] = [await make("browser"), await make("browser")];
    const open = async (secret: string) => {
      const asked = await fetch(`${here.url}/ofrep/v1/evaluate/flags`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: "{}",
      });
      const { eventStreams } = (await asked.json()) as { eventStreams: { url: string }[] };
      const answer = await fetch(new URL(eventStreams[0]?.url ?? "", here.url));
      expect(answer.status).toBe(200);
      return answer;
    };
    const [ended, stays] = [await open(gone.secret), await open(kept.secret)];
    // As another server writes it: this one is told by the flags' generation alone.
    await here.database.owner.transaction(async (tx) => {
      await takeFlagGeneration(tx, "main");
      await revokeClientKey(tx, "main", gone.key.id);
    });
    // Resolves when the stream has ended, and not before.
    expect(await ended.text()).toContain("retry");
    const reader = stays.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await reader?.cancel();
  });
});
