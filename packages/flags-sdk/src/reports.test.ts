import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { observeFetch, observeHttp } from "./node-requests.ts";
import { type Happened, Reports } from "./reports.ts";
import type { RequestOutcome } from "./request-outcome.ts";
import { watchErrors } from "./watch-errors.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const opened = () => {
  const posts: { readonly path: string; readonly events: readonly Happened[] }[] = [];
  const reports = new Reports({
    later: () => () => {},
    post: async (path, body) => {
      posts.push({ path, events: (body as { events?: Happened[] }).events ?? [] });
      return "taken";
    },
  });
  const told = async () => {
    await reports.flush();
    const events = posts.splice(0).flatMap((one) => one.events);
    return events.map(({ metric, key, isBad, value }) =>
      `${metric} ${key} ${isBad ? "bad" : "good"} ${value ?? ""}`.trim(),
    );
  };
  return { reports, told, posts };
};

describe("what is noticed of everybody", () => {
  it("is told of those who met a share's variant, and of nobody else", async () => {
    const { reports, told } = opened();
    reports.noticed("errors", "u-1", { isBad: true });
    reports.exposed("form", "on", "otherwise", "u-1");
    reports.noticed("errors", "u-1", { isBad: true });
    reports.noticed("errors", "u-2", { isBad: true });
    expect(await told()).toEqual(["errors u-1 bad"]);
    // Also when the flags changed: they are still of the rollout that went on.
    reports.forget();
    reports.noticed("errors", "u-1", { isBad: false });
    expect(await told()).toEqual(["errors u-1 good"]);
  });

  it("is told again where it is worse, or after a minute; a user counts once", async () => {
    vi.useFakeTimers();
    const { reports, told } = opened();
    reports.exposed("form", "on", "otherwise", "u-1");
    for (const value of [120, 90, 120, 700, 80, 650]) reports.noticed("latency", "u-1", { isBad: value > 500, value });
    for (let i = 0; i < 100; i++) reports.noticed("errors", "u-1", { isBad: false });
    expect(await told()).toEqual(["latency u-1 good 120", "latency u-1 bad 700", "errors u-1 good"]);
    reports.noticed("errors", "u-1", { isBad: true });
    vi.advanceTimersByTime(60_000);
    reports.noticed("errors", "u-1", { isBad: false });
    expect(await told()).toEqual(["errors u-1 bad", "errors u-1 good"]);
  });

  it("leaves half of the queue to what is bad, while the server takes nothing", async () => {
    const events: Happened[] = [];
    let isAway = true;
    const reports = new Reports({
      later: () => () => {},
      post: async (_, body) => {
        if (isAway) return "again";
        events.push(...((body as { events?: Happened[] }).events ?? []));
        return "taken";
      },
    });
    for (let i = 0; i < 9_000; i++) {
      reports.exposed("form", "on", "otherwise", `u-${i}`);
      reports.noticed("errors", `u-${i}`, { isBad: false });
    }
    for (let i = 0; i < 4_000; i++) reports.noticed("errors", `u-${i}`, { isBad: true });
    isAway = false;
    await reports.flush();
    expect(events.filter((one) => one.isBad)).toHaveLength(4_000);
    expect(events.filter((one) => !one.isBad)).toHaveLength(5_000);
  });
});

describe("a handler that is observed", () => {
  const heard: (RequestOutcome & { readonly who: unknown })[] = [];
  const flags = {
    observeRequest: ({ targetingKey }: { targetingKey?: string }, outcome: RequestOutcome) =>
      void heard.push({ who: targetingKey, ...outcome }),
  };
  const asked = async (handle: RequestListener, path = "/") => {
    heard.length = 0;
    const server = createServer(
      observeHttp(
        flags,
        (request) => {
          if (request.url === "/nobody") return null;
          if (request.url === "/cruel") throw new Error("who?");
          return { targetingKey: request.headers["x-visitor"] as string };
        },
        handle,
      ),
    );
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const answer = await fetch(url, { headers: { "x-visitor": "u-1" } });
    await answer.text();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    return answer.status;
  };

  it("tells how each request went, and answers as it did", async () => {
    expect(await asked((_, response) => response.writeHead(404).end("none"))).toBe(404);
    expect(heard).toEqual([{ who: "u-1", ok: true, durationMs: expect.any(Number) }]);
    expect(await asked((_, response) => response.writeHead(503).end())).toBe(503);
    expect(heard).toMatchObject([{ who: "u-1", ok: false }]);
  });
  it("tells of nobody where nobody can be told from the request, and fails no request for it", async () => {
    expect(await asked((_, response) => response.end("fine"), "/nobody")).toBe(200);
    expect(await asked((_, response) => response.end("fine"), "/cruel")).toBe(200);
    expect(heard).toEqual([]);
  });
  it("is a function as well; one that throws has failed", async () => {
    heard.length = 0;
    const who = (request: Request) => ({ targetingKey: request.headers.get("x-visitor") ?? "" });
    const request = new Request("https://leads.example/", { headers: { "x-visitor": "u-1" } });
    const works = observeFetch(flags, who, (_, words: string) => new Response(words, { status: 201 }));
    expect(await (await works(request, "made")).text()).toBe("made");
    const fails = observeFetch(flags, who, async (_: Request): Promise<Response> => {
      throw new Error("no database");
    });
    await expect(fails(request)).rejects.toThrow("no database");
    expect(heard).toMatchObject([{ ok: true }, { who: "u-1", ok: false }]);
  });
});

describe("a page whose errors are watched", () => {
  it("tells views and scripts that fail, once its visitor met a flag, until it is stopped", () => {
    const listeners = new Map<string, () => void>();
    vi.stubGlobal("addEventListener", (event: string, listener: () => void) => listeners.set(event, listener));
    vi.stubGlobal("removeEventListener", (event: string) => listeners.delete(event));
    const told: boolean[] = [];
    let meets = () => {};
    const stop = watchErrors({
      notice: (metric, { isBad }) => void (metric === "browser-errors" && told.push(isBad === true)),
      whenMet: (listener) => {
        meets = listener;
        return () => {
          meets = () => {};
        };
      },
    });
    meets();
    listeners.get("error")?.();
    listeners.get("unhandledrejection")?.();
    listeners.get("popstate")?.();
    expect(told).toEqual([false, true, true, false]);
    stop();
    meets();
    expect([...listeners]).toEqual([]);
    expect(told).toHaveLength(4);
  });
});
