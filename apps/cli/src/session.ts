import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Client, createClient } from "@latchkey/api/client";
import { addressesIn, Servers } from "./servers.ts";
import type { Terminal } from "./terminal.ts";
import { type Style, styleFor } from "./text.ts";

/** Where the server is, how to speak to it, and how to answer. */
export interface Session {
  readonly client: Client;
  /** Of the server that answers; another one of the list when that is gone. */
  readonly baseUrl: string;
  /** Asks for what may take as long as it likes: a stream, a file. */
  open(path: string, init: RequestInit): Promise<Response>;
  readonly token: string | null;
  readonly project: string;
  /** Part of every route's parameters. */
  readonly main: { readonly project: string };
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly style: Style;
  /** Writes the answer: as JSON, or in words. */
  print(data: unknown, words: () => string): void;
}

export interface GlobalOptions {
  readonly json?: boolean;
  readonly url?: string;
  readonly project?: string;
}

const ANSWER_WITHIN_MS = 120_000;
/** A reserve is whole again after 10 s: a script that writes much is slowed down instead of broken. */
const PATIENCE_MS = 60_000;

/** `.latchkey` upward from here, or LATCHKEY_DIR: where a server on this machine leaves its token and sign-in link. */
export function stateDir(terminal: Terminal): string | null {
  if (terminal.env.LATCHKEY_DIR) return resolve(terminal.cwd, terminal.env.LATCHKEY_DIR);
  for (let dir = resolve(terminal.cwd); ; dir = dirname(dir)) {
    if (existsSync(join(dir, ".latchkey", "cli.token"))) return join(dir, ".latchkey");
    if (dir === dirname(dir)) return null;
  }
}

export function readState(terminal: Terminal, name: "cli.token" | "sign-in.url"): string | null {
  const dir = stateDir(terminal);
  const file = dir ? join(dir, name) : null;
  return file && existsSync(file) ? readFileSync(file, "utf8").trim() || null : null;
}

export function findToken(terminal: Terminal): string | null {
  return terminal.env.LATCHKEY_TOKEN || readState(terminal, "cli.token");
}

export function openSession(terminal: Terminal, options: GlobalOptions): Session {
  const { env } = terminal;
  const token = findToken(terminal);
  const given = addressesIn(options.url ?? env.LATCHKEY_URL ?? "");
  const project = options.project ?? env.LATCHKEY_PROJECT ?? "main";
  const json = options.json === true;
  // A server that takes the connection and never answers must not hang a pipeline.
  const send: typeof fetch = (input, init) => {
    const limit = AbortSignal.timeout(ANSWER_WITHIN_MS);
    return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit });
  };
  const urls = given.length > 0 ? given : [`http://127.0.0.1:${env.LATCHKEY_PORT || 7400}`];
  const servers = new Servers(urls, send);
  // A stream lasts longer than any answer may take.
  const patiently = new Servers(urls, fetch);
  // The client names them all when none answers, and asks each for what follows the name.
  const all = urls.join(", ");
  const ask: typeof fetch = (address, init) => servers.ask(String(address).slice(all.length), init ?? {});
  return {
    client: createClient({ baseUrl: all, project, fetch: ask, patienceMs: PATIENCE_MS, ...(token ? { token } : {}) }),
    get baseUrl() {
      return servers.current;
    },
    open: (path, init) => patiently.ask(path, init),
    token,
    project,
    main: { project },
    json,
    terminal,
    style: styleFor(terminal),
    print: (data, words) => {
      const text = json ? JSON.stringify(data) : words();
      terminal.out(text === "" ? "" : `${text}\n`);
    },
  };
}
