import type { GatewayReport } from "@latchkey/api/gateway";
import { RoutingTable, UNWATCHED_HEADER } from "@latchkey/api/gateway";
import { paths } from "@latchkey/api/paths";
import type { Generation } from "@latchkey/core/delivery/generation";
import { Agent, request } from "undici";
import type { GatewayConfig } from "./config.ts";
import { credentialOf } from "./credential.ts";
import type { Silence } from "./dead-man.ts";
import type { Servers } from "./servers.ts";

/** How long the server may hold a poll, milliseconds. */
const WAIT_MS = 20_000;
const REPORT_TIMEOUT_MS = 3_000;

/** Speaks to the control plane. Every failure is thrown as an Error, and is the next server's turn; the callers retry. */
export class Control {
  readonly #config: GatewayConfig;
  readonly #boot: string;
  readonly #servers: Servers;
  readonly #silence: Silence;
  readonly #agent = new Agent({ connect: { timeout: 2_000 }, headersTimeout: WAIT_MS + 5_000, bodyTimeout: 5_000 });

  constructor(config: GatewayConfig, boot: string, servers: Servers, silence: Silence) {
    this.#silence = silence;
    this.#config = config;
    this.#servers = servers;
    this.#boot = boot;
  }

  async #headers(): Promise<Record<string, string>> {
    return { authorization: await credentialOf(this.#config) };
  }

  /** Asks for a table newer than `applied`, and so acknowledges it. Null when there is none yet. */
  async poll(applied: Generation, signal: AbortSignal): Promise<RoutingTable | null> {
    const query = new URLSearchParams({
      gateway: this.#config.gatewayId,
      boot: this.#boot,
      epoch: String(applied.epoch),
      n: String(applied.n),
      waitMs: String(WAIT_MS),
    });
    return this.#ask(async (url, left) => {
      const answer = await request(`${url}${paths.gatewayRouting.path}?${query}`, {
        headers: await this.#headers(),
        dispatcher: this.#agent,
        // A report that gets no answer moves us on: the poll at the same server would notice much later.
        signal: AbortSignal.any([signal, left]),
      });
      if (answer.statusCode === 204) {
        await answer.body.dump();
        this.#listen(answer.headers);
        return null;
      }
      const text = await answer.body.text();
      if (answer.statusCode !== 200)
        throw new Error(`routing poll answered ${answer.statusCode}: ${text.slice(0, 200)}`);
      this.#listen(answer.headers);
      return RoutingTable.parse(JSON.parse(text));
    });
  }

  async report(body: GatewayReport): Promise<void> {
    await this.#ask(async (url) => {
      const answer = await request(`${url}${paths.gatewayReport.path}`, {
        method: paths.gatewayReport.method,
        headers: { ...(await this.#headers()), "content-type": "application/json" },
        body: JSON.stringify(body),
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(REPORT_TIMEOUT_MS),
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`report answered ${answer.statusCode}: ${text.slice(0, 200)}`);
      this.#listen(answer.headers);
    });
  }

  async #ask<T>(send: (url: string, left: AbortSignal) => Promise<T>): Promise<T> {
    const url = this.#servers.current;
    try {
      const answer = await send(url, this.#servers.whileCurrent);
      return answer;
    } catch (error) {
      this.#silence.lost();
      this.#servers.leave(url);
      throw error;
    }
  }

  /** A server that answers, and says that none looks after the rollouts, is as good as none to the dead man's switch. */
  #listen(headers: Readonly<Record<string, unknown>>): void {
    if (headers[UNWATCHED_HEADER] === undefined) this.#silence.heard(performance.now());
    else this.#silence.lost();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
