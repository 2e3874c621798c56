import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { until } from "./until.ts";

const PROGRAM = "/usr/sbin/haproxy";
/** Debian's package; tools/debian.mjs installs it, and says so where it can't. */
export const hasHaproxy = existsSync(PROGRAM);

/** A real HAProxy that is started with a file, as people do. */
export class HaproxyServer {
  readonly #file: string;
  #process: ChildProcess | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  /** Starts it, once its file is there. */
  async start(): Promise<void> {
    await until("HAProxy's file is written", async () => existsSync(this.#file));
    const child = spawn(PROGRAM, ["-db", "-f", this.#file], { stdio: "ignore" });
    this.#process = child;
  }

  /** Ends it at once, as a crash does. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

/** Somebody with a browser: keeps cookies, says what kind of thing is asked for. */
export class Visitor {
  readonly #url: string;
  readonly cookies = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async get(path = "/", headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(this.#url + path, {
      headers: { accept: "text/html", "sec-fetch-dest": "document", ...headers, ...(cookie === "" ? {} : { cookie }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      this.cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return { status: response.status, text: await response.text() };
  }
}
