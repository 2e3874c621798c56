import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ApiError, type Client, createClient } from "@latchkey/api/client";

/** Where the server is and how to speak to it. */
export interface Session {
  readonly client: Client;
  readonly json: boolean;
}

/** Exit codes, for CI. */
export const EXIT = { ok: 0, error: 1, usage: 2, notDeployed: 3, unreachable: 4 } as const;

/** `.latchkey` upward from here, or LATCHKEY_DIR. */
export function stateDir(): string | null {
  if (process.env.LATCHKEY_DIR) return resolve(process.env.LATCHKEY_DIR);
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    if (existsSync(join(dir, ".latchkey", "cli.token"))) return join(dir, ".latchkey");
    if (dir === dirname(dir)) return null;
  }
}

export function openSession(json: boolean): Session {
  const dir = stateDir();
  const file = dir ? join(dir, "cli.token") : null;
  const token =
    process.env.LATCHKEY_TOKEN ?? (file && existsSync(file) ? readFileSync(file, "utf8").trim() : undefined);
  const baseUrl = process.env.LATCHKEY_URL ?? `http://127.0.0.1:${process.env.LATCHKEY_PORT ?? 7400}`;
  return { json, client: createClient({ baseUrl, ...(token ? { token } : {}) }) };
}

export function print(session: { json: boolean }, data: unknown, words: () => string): void {
  process.stdout.write(`${session.json ? JSON.stringify(data) : words()}\n`);
}

/** Says what went wrong and what to do, and gives the exit code. */
export function complain(error: unknown, json: boolean): number {
  if (error instanceof ApiError) {
    const { title, detail, remedy, requestId, status } = error.problem;
    if (json) process.stderr.write(`${JSON.stringify(error.problem)}\n`);
    else process.stderr.write(`${title}. ${detail}\n${remedy}\n${requestId ? `(request ${requestId})\n` : ""}`);
    return status === 0 ? EXIT.unreachable : EXIT.error;
  }
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  return EXIT.error;
}

/** Columns that line up. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
