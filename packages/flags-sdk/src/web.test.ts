import { afterEach, describe, expect, it, vi } from "vitest";
import { openWebFlags } from "./web.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a page that can follow no stream", () => {
  it("asks again for as long as it is open, also while nothing changes", async () => {
    let value = false;
    const answers: number[] = [];
    // An old web view has no EventSource, as Node has none.
    vi.stubGlobal("fetch", async (_: string, init: { headers: Record<string, string> }) => {
      const etag = `"${value}"`;
      const flags = [{ key: "form", value, variant: "on", reason: "STATIC" }];
      const body = JSON.stringify({ flags, eventStreams: [{ type: "sse", url: "/events" }] });
      const isSame = init.headers["if-none-match"] === etag;
      answers.push(isSame ? 304 : 200);
      return new Response(isSame ? null : body, { status: isSame ? 304 : 200, headers: { etag } });
    });
    vi.useFakeTimers();
    const flags = openWebFlags({ url: "https://flags.example", key: "lkb_1", reports: false });
    await vi.advanceTimersByTimeAsync(60_000);
    value = true;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(answers).toEqual([200, 304, 304, 200]);
    expect(flags.value("form", false)).toBe(true);
    await flags.close();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(answers).toHaveLength(4);
  });
});

describe("a page whose stream is refused, since the server has no place for more", () => {
  it("asks every half minute, and not as fast as it can", async () => {
    let asked = 0;
    const flags = [{ key: "form", value: true, variant: "on", reason: "STATIC" }];
    const body = JSON.stringify({ flags, eventStreams: [{ type: "sse", url: "/events" }] });
    vi.stubGlobal("fetch", async () => {
      asked += 1;
      return new Response(body, { headers: { etag: '"1"' } });
    });
    vi.stubGlobal(
      "EventSource",
      class {
        readonly readyState = 2;
        onerror: (() => void) | null = null;
        constructor() {
          setTimeout(() => this.onerror?.(), 10);
        }
        close() {}
      },
    );
    vi.useFakeTimers();
    const page = openWebFlags({ url: "https://flags.example", key: "lkb_1", reports: false });
    await vi.advanceTimersByTimeAsync(95_000);
    expect(asked).toBe(4);
    await page.close();
  });
});

describe("what a page tells", () => {
  it("leaves out what the server refuses: it would refuse the rest of the batch with it", async () => {
    const posted: string[] = [];
    vi.stubGlobal("fetch", async (_: string, init: { body: string }) => {
      posted.push(init.body);
      return new Response("{}", { status: 202 });
    });
    const page = openWebFlags({ url: "https://flags.example", key: "lkb_1", context: { targetingKey: "u" } });
    page.track("leads");
    page.track("Lead Made");
    page.track("time", { value: Number.NaN });
    page.track("cents", { value: 1e13 });
    page.track("x".repeat(61));
    page.track("cents", { value: 250 });
    await page.close();
    const events = posted.flatMap((body) => (JSON.parse(body) as { events?: { metric: string }[] }).events ?? []);
    expect(events.map((one) => one.metric)).toEqual(["leads", "cents"]);
  });
});

describe("a value that is an object", () => {
  it("is the same one while only other flags change, so that nothing renders anew for it", async () => {
    let form = false;
    vi.stubGlobal("fetch", async () => {
      const flags = [
        { key: "layout", value: { columns: [1, 2] }, variant: "on", reason: "STATIC" },
        { key: "form", value: form, variant: "on", reason: "STATIC" },
      ];
      return new Response(JSON.stringify({ flags }));
    });
    vi.useFakeTimers();
    const page = openWebFlags({ url: "https://flags.example", key: "lkb_1", reports: false });
    await vi.advanceTimersByTimeAsync(0);
    const before = page.peek("layout", {}).value;
    form = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(page.value("form", false)).toBe(true);
    expect(before).toEqual({ columns: [1, 2] });
    expect(page.peek("layout", {}).value).toBe(before);
    await page.close();
  });
});
