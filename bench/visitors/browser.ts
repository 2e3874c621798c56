import { Agent, type IncomingMessage, request } from "node:http";
import { freshForMs, type Page, readPage, runsAsScript } from "./page.ts";
import type { Tally } from "./tally.ts";

/** What a visitor keeps between sessions: who they are, their cookies, and their browser's cache. */
export interface Profile {
  readonly visitor: number;
  readonly cookies: Map<string, string>;
  readonly cache: Map<string, Cached>;
}
interface Cached {
  readonly freshUntilMs: number;
  readonly etag: string | null;
  readonly type: string;
  readonly text: string;
}
export const newProfile = (visitor: number): Profile => ({ visitor, cookies: new Map(), cache: new Map() });

export interface Answer {
  /** Null where no answer came. */
  readonly status: number | null;
  readonly type: string;
  readonly text: string;
}
const NO_ANSWER: Answer = { status: null, type: "", text: "" };
const TIMEOUT_MS = 10_000;
/** As browsers have it per host over HTTP/1.1. */
const CONNECTIONS = 6;
/** Pages are cached too; leads' pages are few, but a profile must not grow for ever. */
const CACHE_MAX = 40;

/** One browser window: keep-alive connections, cookies, a cache, and the beacon that the page's script would send. */
export class Browser {
  readonly #url: URL;
  readonly #profile: Profile;
  readonly #tally: () => Tally;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  constructor(url: string, profile: Profile, tally: () => Tally) {
    this.#url = new URL(url);
    this.#profile = profile;
    this.#tally = tally;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Opens a page with all that it loads. True when its script runs: only then does the page do anything. */
  async open(path: string, route: string): Promise<boolean> {
    const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-dest": "document" };
    const answer = await this.#cached(path, route, headers);
    if (answer.status !== 200) return false;
    this.#tally().counts.pages += 1;
    const page = readPage(answer.text);
    const [beacon, ...loaded] = await Promise.all([
      page.beaconScript ? this.#load(page.beaconScript, "/__latchkey/beacon.js", "script") : NO_ANSWER,
      ...page.scripts.map((src) => this.#load(src, "/assets", "script")),
      ...page.styles.map((href) => this.#load(href, "/assets", "style")),
    ]);
    const scripts = loaded.slice(0, page.scripts.length);
    const runs = scripts.every((s) => s.status !== null && runsAsScript(s.status, s.type));
    if (!runs) this.#tally().brokenPage(this.#profile.visitor);
    if (beacon.status === 200) await this.#tell(page, runs);
    return runs;
  }

  /** A call as the page's script makes it. */
  api(method: "GET" | "POST", path: string, route: string, body?: unknown, key?: string): Promise<Answer> {
    const headers: Record<string, string> = { accept: "*/*", "sec-fetch-dest": "empty" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (key !== undefined) headers["idempotency-key"] = key;
    return this.#send(
      method,
      path,
      `${method} ${route}`,
      headers,
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  #load(path: string, route: string, dest: "script" | "style"): Promise<Answer> {
    return this.#cached(path, route, { accept: "*/*", "sec-fetch-dest": dest });
  }

  /** The beacons of the injected script: a failed script is an error event, and the page's load event follows all the same. */
  async #tell(page: Page, runs: boolean): Promise<void> {
    for (const kind of runs ? ["load"] : ["error", "load"]) {
      this.#tally().counts.beacons += 1;
      const headers = { "content-type": "text/plain;charset=UTF-8", "sec-fetch-dest": "empty" };
      await this.#send(
        "POST",
        "/__latchkey/beacon",
        "/__latchkey/beacon",
        headers,
        JSON.stringify({ kind, view: page.view }),
      );
    }
  }

  async #cached(path: string, route: string, headers: Record<string, string>): Promise<Answer> {
    const kept = this.#profile.cache.get(path);
    if (kept && kept.freshUntilMs > Date.now()) return { status: 200, type: kept.type, text: kept.text };
    const conditional = kept?.etag ? { ...headers, "if-none-match": kept.etag } : headers;
    const answer = await this.#send("GET", path, route, conditional, undefined, kept);
    return answer.status === 304 && kept ? { status: 200, type: kept.type, text: kept.text } : answer;
  }

  #send(
    method: string,
    path: string,
    route: string,
    headers: Record<string, string>,
    body?: string,
    kept?: Cached,
  ): Promise<Answer> {
    const cookie = [...this.#profile.cookies].map(([k, v]) => `${k}=${v}`).join("; ");
    return new Promise((done) => {
      let over = false;
      const finish = (answer: Answer, release: string | null) => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        this.#tally().answered(this.#profile.visitor, route, answer.status, release);
        done(answer);
      };
      const sent = request(
        {
          agent: this.#agent,
          hostname: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          headers: {
            ...headers,
            ...(cookie === "" ? {} : { cookie }),
            ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
          },
        },
        (response) => this.#receive(response, path, kept, finish, method === "GET"),
      );
      const timer = setTimeout(() => sent.destroy(new Error("no answer in time")), TIMEOUT_MS);
      sent.on("error", () => finish(NO_ANSWER, null));
      sent.end(body);
    });
  }

  #receive(
    response: IncomingMessage,
    path: string,
    kept: Cached | undefined,
    finish: (answer: Answer, release: string | null) => void,
    isGet: boolean,
  ): void {
    const status = response.statusCode ?? 0;
    const type = response.headers["content-type"] ?? "";
    const release = response.headers["x-latchkey-release"];
    for (const line of response.headers["set-cookie"] ?? []) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      if (at > 0) this.#profile.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
    });
    response.on("error", () => finish(NO_ANSWER, null));
    response.on("end", () => {
      if (isGet && (status === 200 || status === 304)) this.#keep(path, response, text, kept);
      finish({ status, type, text }, typeof release === "string" ? release : null);
    });
  }

  #keep(path: string, response: IncomingMessage, text: string, kept: Cached | undefined): void {
    const freshMs = freshForMs(response.headers["cache-control"] ?? "no-store");
    if (freshMs === null) return;
    const { cache } = this.#profile;
    const whole = response.statusCode === 304 && kept ? kept.text : text;
    cache.delete(path);
    cache.set(path, {
      freshUntilMs: Date.now() + freshMs,
      etag: response.headers.etag ?? kept?.etag ?? null,
      type: response.statusCode === 304 && kept ? kept.type : (response.headers["content-type"] ?? ""),
      // Of scripts and styles nobody reads the text again: hundreds of profiles would keep a copy each.
      text: whole.startsWith("<") ? whole : "",
    });
    for (const [oldest] of cache) {
      if (cache.size <= CACHE_MAX) break;
      cache.delete(oldest);
    }
  }
}
