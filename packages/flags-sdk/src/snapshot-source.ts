import type { ClientRequest, IncomingMessage } from "node:http";
import { type FlagSnapshot, readSnapshot } from "@latchkey/core/flags/snapshot";
import { ask, open, type Reply } from "./ask.ts";
import { backoffMs } from "./backoff.ts";

/** A server that does not answer by then is as good as none. */
const ASK_MS = 3_000;
/** The server says something every 20 s. */
const SILENT_MS = 50_000;
/** Where no stream is to be had. */
const POLL_MS = 30_000;
/** A stream that lasted so long was a good one: the next is tried at once. */
const LASTED_MS = 10_000;

export interface SourceOptions {
  readonly url: string;
  readonly key: string;
  /** The server's flags, whenever they are others than those before. */
  readonly onSnapshot: (snapshot: FlagSnapshot) => void;
  /** Whether the server can be reached; a sentence when it can't. */
  readonly onContact: (problem: string | null) => void;
}

/** The flags of an environment as a server has them, followed by its stream of changes. */
export class SnapshotSource {
  readonly #o: SourceOptions;
  readonly #base: string;
  #etag: string | null = null;
  #asking: Promise<boolean> | null = null;
  #isAskedAgain = false;
  #stopped = false;
  #wake: (() => void) | null = null;
  #endStream: (() => void) | null = null;

  constructor(o: SourceOptions) {
    this.#o = o;
    this.#base = o.url.replace(/\/+$/, "");
  }

  /** Asks now; false when the server could not be reached. Whoever asks while one is under way shares one more. */
  refresh(): Promise<boolean> {
    if (this.#asking) {
      this.#isAskedAgain = true;
      return this.#asking;
    }
    this.#asking = (async () => {
      try {
        let isThere: boolean;
        do {
          this.#isAskedAgain = false;
          isThere = await this.#ask();
        } while (isThere && this.#isAskedAgain && !this.#stopped);
        return isThere;
      } finally {
        this.#asking = null;
      }
    })();
    return this.#asking;
  }

  /** Follows the server until `stop`; comes back by itself. */
  async follow(): Promise<void> {
    for (let attempt = 0; !this.#stopped; ) {
      if (await this.refresh()) {
        const from = performance.now();
        const ended = await this.#listen();
        if (this.#stopped) return;
        if (performance.now() - from > LASTED_MS) attempt = 0;
        await this.#pause(ended === "refused" ? POLL_MS : backoffMs(attempt));
      } else await this.#pause(backoffMs(attempt));
      attempt += 1;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#endStream?.();
    this.#wake?.();
  }

  async #ask(): Promise<boolean> {
    try {
      const headers = {
        authorization: `Bearer ${this.#o.key}`,
        ...(this.#etag ? { "if-none-match": this.#etag } : {}),
      };
      const answer = await ask(`${this.#base}/flags/v1/snapshot`, { headers }, ASK_MS);
      if (this.#stopped) return false;
      if (answer.status !== 304) {
        if (answer.status !== 200) return this.#lost(refusalOf(answer));
        const snapshot = readSnapshot(JSON.parse(answer.text));
        if (typeof snapshot === "string") return this.#lost(`${this.#base} answered something else: ${snapshot}`);
        this.#etag = answer.headers.etag ?? null;
        this.#o.onSnapshot(snapshot);
      }
      this.#o.onContact(null);
      return true;
    } catch (error) {
      return this.#lost(`${this.#base} can't be reached: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  #lost(problem: string): false {
    if (!this.#stopped) this.#o.onContact(problem);
    return false;
  }

  /** Resolves when the stream has ended, or was not given. */
  async #listen(): Promise<"ended" | "refused"> {
    const headers = { authorization: `Bearer ${this.#o.key}`, accept: "text/event-stream" };
    const request = await open(`${this.#base}/ofrep/v1/events`, { headers });
    return this.#hear(request);
  }
  #hear(request: ClientRequest): Promise<"ended" | "refused"> {
    return new Promise((resolve) => {
      let silence: NodeJS.Timeout | undefined;
      const end = (how: "ended" | "refused") => {
        clearTimeout(silence);
        this.#endStream = null;
        request.destroy();
        resolve(how);
      };
      this.#endStream = () => end("ended");
      if (this.#stopped) {
        end("ended");
        return;
      }
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(() => end("ended"), SILENT_MS);
        silence.unref();
      };
      heard();
      request.on("error", () => end("ended"));
      request.on("response", (answer: IncomingMessage) => {
        if (answer.statusCode !== 200) {
          end("refused");
          return;
        }
        const refresh = () =>
          void this.refresh().then((isThere) => {
            if (!isThere) end("ended");
          });
        // What changed between the last answer and now was told to nobody.
        refresh();
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => {
          heard();
          if (text.includes("data:")) refresh();
        });
        answer.on("close", () => end("ended"));
      });
    });
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}

function refusalOf({ status, text }: Reply): string {
  let details = "";
  try {
    details = (JSON.parse(text) as { errorDetails?: string }).errorDetails ?? "";
  } catch {
    // Not ours: a proxy's page.
  }
  return `The server refused with status ${status}${details ? `: ${details}` : "."}`;
}
