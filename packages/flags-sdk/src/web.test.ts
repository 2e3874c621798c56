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
