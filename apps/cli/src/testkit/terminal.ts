import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../program.ts";
import type { Terminal } from "../terminal.ts";
import { ContractServer, TOKEN } from "./contract-server.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** A command line in a folder of its own, before a contract server. Time passes as fast as the events come. */
export class Bench {
  readonly server = new ContractServer();
  readonly dir = mkdtempSync(join(tmpdir(), "latchkey-cli-test-"));
  url = "";
  env: Record<string, string> = {};
  /** Answers to questions; null: nobody is there. */
  agrees: boolean | null = null;
  interrupt: () => void = () => {};
  readonly browsed: string[] = [];

  async start(): Promise<void> {
    this.url = await this.server.listen();
    this.env = { LATCHKEY_URL: this.url, LATCHKEY_TOKEN: TOKEN, LATCHKEY_DIR: join(this.dir, ".latchkey") };
  }

  async stop(): Promise<void> {
    await this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async run(...argv: string[]): Promise<Ran> {
    const said = { out: "", err: "" };
    let now = Date.parse("2026-11-25T02:00:00Z");
    const terminal: Terminal = {
      env: this.env,
      cwd: this.dir,
      isInteractive: false,
      canAsk: this.agrees !== null,
      columns: 100,
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      agrees: async () => this.agrees === true,
      now: () => now,
      // A turn of the event loop stands for the time, so that answers and events still come in their order.
      pause: async (ms) => {
        now += ms;
        await new Promise((resolve) => setImmediate(resolve));
      },
      onInterrupt: (callback) => {
        this.interrupt = callback;
        return () => {};
      },
      browse: (url) => this.browsed.push(url) > 0,
    };
    const exitCode = await run(argv, terminal);
    return { exitCode, ...said };
  }
}
