import { Agent, request } from "node:http";
import { sleep } from "../figure.ts";

/** Between two requests of one client. */
const PAUSE_MS = 50;
const ANSWER_WITHIN_MS = 10_000;

/** One request of a client; `text` is null where no release answered. */
export interface Answer {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly text: string | null;
}

/**
 * Clients that ask without end, each after its own answer: half of them as browsers that keep their cookies, and so their
 * release, half as callers of the API, who draw anew each time.
 */
export class Crowd {
  readonly clients: readonly Answer[][];
  readonly #place: { readonly url: string; readonly host: string };
  readonly #agent = new Agent({ keepAlive: true });
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(place: { readonly url: string; readonly host: string }, size: number) {
    this.#place = place;
    this.clients = Array.from({ length: size }, () => []);
  }

  get answers(): readonly Answer[] {
    return this.clients.flat();
  }

  start(): void {
    this.#running = Promise.all(this.clients.map((answers, i) => this.#ask(answers, i % 2 === 0)));
  }

  async until(isSo: (answers: readonly Answer[]) => boolean): Promise<void> {
    while (!this.#isOver && !isSo(this.answers)) await sleep(PAUSE_MS);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#agent.destroy();
  }

  async #ask(answers: Answer[], isBrowser: boolean): Promise<void> {
    const jar = new Map<string, string>();
    while (!this.#isOver) {
      answers.push(await this.#once(isBrowser ? "/" : "/api/leads", isBrowser ? jar : null));
      await sleep(PAUSE_MS);
    }
  }

  #once(path: string, jar: Map<string, string> | null): Promise<Answer> {
    const sentMs = Date.now();
    const cookie = [...(jar ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = {
      host: this.#place.host,
      ...(jar ? { accept: "text/html", "sec-fetch-dest": "document" } : {}),
      ...(cookie === "" ? {} : { cookie }),
    };
    return new Promise((resolve) => {
      const done = (text: string | null) => resolve({ sentMs, receivedMs: Date.now(), text });
      const asked = request(
        this.#place.url + path,
        { headers, agent: this.#agent, timeout: ANSWER_WITHIN_MS },
        (answer) => {
          for (const line of jar ? (answer.headers["set-cookie"] ?? []) : []) {
            const [pair = ""] = line.split(";");
            jar?.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
          }
          let text = "";
          answer.setEncoding("utf8").on("data", (piece: string) => {
            text += piece;
          });
          // The proxies' own pages are longer, or say so by their status.
          answer.on("end", () => done([502, 503, 504].includes(answer.statusCode ?? 0) ? null : pageOf(text)));
          answer.on("error", () => done(null));
        },
      );
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => done(null));
      asked.end();
    });
  }
}

/** The gateway puts its beacon into pages: what the release wrote comes first. */
const pageOf = (html: string): string => html.split("<")[0] ?? "";
