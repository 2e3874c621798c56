/**
 * Open-loop traffic for rehearsals: visitors arrive by a Poisson process and do what visitors of the leads site do,
 * whether or not the answers come. Loopback only.
 */
export interface TrafficOptions {
  readonly url: string;
  /** Sessions per second; each makes about eight requests. */
  readonly sessionsPerSecond: number;
  readonly random: () => number;
}
export interface TrafficCounts {
  requests: number;
  errors: number;
  failed: number;
}

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const IN_FLIGHT_MAX = 500;

export class Traffic {
  readonly counts: TrafficCounts = { requests: 0, errors: 0, failed: 0 };
  readonly #o: TrafficOptions;
  #running = false;
  #inFlight = 0;

  constructor(options: TrafficOptions) {
    if (!LOOPBACK.has(new URL(options.url).hostname)) throw new Error("Traffic goes to this machine only.");
    this.#o = options;
  }

  start(): void {
    this.#running = true;
    const arrive = () => {
      if (!this.#running) return;
      if (this.#inFlight < IN_FLIGHT_MAX) void this.#session();
      setTimeout(arrive, (-Math.log(1 - this.#o.random()) / this.#o.sessionsPerSecond) * 1000);
    };
    arrive();
  }

  stop(): void {
    this.#running = false;
  }

  async #session(): Promise<void> {
    this.#inFlight += 1;
    const visitor = new Visitor(this.#o.url, this.counts);
    try {
      await visitor.openPage(this.#o.random() < 0.6 ? "/" : "/crm");
      const listed = (await visitor.json("GET", "/api/leads?limit=10")) as { items?: { id: string }[] } | null;
      const first = listed?.items?.[0]?.id;
      if (first) {
        await visitor.json("GET", `/api/leads/${first}`);
        await visitor.json("GET", `/api/leads/${first}/notes`);
      }
      if (this.#o.random() < 0.3) await visitor.json("POST", "/api/leads", newLead(this.#o.random));
    } finally {
      this.#inFlight -= 1;
    }
  }
}

function newLead(random: () => number): unknown {
  const n = Math.floor(random() * 1e6);
  return {
    contact: { name: `Visitor ${n}`, email: `visitor${n}@example.com`, phone: "555-0100-000" },
    property: { address: `${n} Example Street`, city: "Austin", state: "TX", zip: "78701", type: "single_family" },
  };
}

/** A browser's behaviour, as far as counts go: cookies, the page's script, and the beacon when it is broken. */
class Visitor {
  readonly #url: string;
  readonly #counts: TrafficCounts;
  readonly #cookies = new Map<string, string>();

  constructor(url: string, counts: TrafficCounts) {
    this.#url = url;
    this.#counts = counts;
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; type: string; text: string } | null> {
    this.#counts.requests += 1;
    try {
      const answer = await fetch(this.#url + path, {
        method,
        headers: {
          cookie: [...this.#cookies].map(([k, v]) => `${k}=${v}`).join("; "),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [pair = ""] = cookie.split(";");
        this.#cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
      }
      const text = await answer.text();
      if (answer.status >= 500) this.#counts.errors += 1;
      return { status: answer.status, type: answer.headers.get("content-type") ?? "", text };
    } catch {
      this.#counts.failed += 1;
      return null;
    }
  }

  async openPage(path: string): Promise<void> {
    const page = await this.#send("GET", path, undefined, { accept: "text/html", "sec-fetch-dest": "document" });
    const script = page && /src="(\/assets\/[^"]+\.js)"/.exec(page.text)?.[1];
    if (!page || !script) return;
    const loaded = await this.#send("GET", script, undefined, { accept: "*/*", "sec-fetch-dest": "script" });
    const broken = !loaded || loaded.status !== 200 || !loaded.type.includes("javascript");
    const view = /data-(?:view|page-view|lk-view)="([^"]+)"/.exec(page.text)?.[1];
    if (broken && view) await this.#send("POST", "/__latchkey/beacon", { kind: "error", view });
  }

  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#send(method, path, body);
    if (!answer || answer.status >= 400) return null;
    try {
      return JSON.parse(answer.text);
    } catch {
      return null;
    }
  }
}
