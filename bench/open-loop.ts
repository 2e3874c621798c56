import { Agent, request } from "node:http";
import { arrivals, type Random, seeded } from "@latchkey/core/shared/random";

/** Single requests that come by a Poisson process, whether or not answers come. */
export interface OpenLoopAnswer {
  readonly path: string;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
  /** Null where no answer came. */
  readonly status: number | null;
  readonly release: string | null;
}
export interface OpenLoopOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly seed: number;
  readonly next: (random: Random) => string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly onAnswer: (answer: OpenLoopAnswer) => void;
}

const CONNECTIONS = 64;
/** Two seconds of requests at the highest rate: what waits beyond is a server that stands still. */
const IN_FLIGHT_MAX = 1_000;

/** The time of day to the microsecond: a proxy's share of an answer is far less than a millisecond. */
const now = (): number => performance.timeOrigin + performance.now();

export class OpenLoop {
  readonly #o: OpenLoopOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #inFlight = 0;
  #idle: (() => void) | null = null;
  /** Requests that were due and not sent, because too many were under way. */
  dropped = 0;
  sent = 0;

  constructor(options: OpenLoopOptions) {
    this.#o = options;
  }

  start(): void {
    const random = seeded(this.#o.seed);
    const times = arrivals(random, this.#o.perSecond);
    const begun = performance.now();
    let due = times.next().value;
    const turn = () => {
      if (this.#stopped) return;
      while (due <= performance.now() - begun) {
        if (this.#inFlight >= IN_FLIGHT_MAX) this.dropped += 1;
        else this.#send(this.#o.next(random));
        due = times.next().value;
      }
      this.#timer = setTimeout(turn, Math.max(1, due - (performance.now() - begun)));
    };
    turn();
  }

  /** Sends no more, and resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#inFlight > 0) await new Promise<void>((done) => (this.#idle = done));
    this.#agent.destroy();
  }

  #send(path: string): void {
    const sentAtMs = now();
    this.sent += 1;
    this.#inFlight += 1;
    let over = false;
    const finish = (status: number | null, release: string | null) => {
      if (over) return;
      over = true;
      this.#inFlight -= 1;
      this.#o.onAnswer({ path, sentAtMs, answeredAtMs: now(), status, release });
      if (this.#inFlight === 0) this.#idle?.();
    };
    const sent = request(this.#o.url + path, { agent: this.#agent, headers: { ...this.#o.headers } }, (response) => {
      const release = response.headers["x-latchkey-release"];
      response.on("end", () => finish(response.statusCode ?? null, typeof release === "string" ? release : null));
      response.on("error", () => finish(null, null));
      response.resume();
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error("no answer in time")));
    sent.on("error", () => finish(null, null));
    sent.end();
  }
}
