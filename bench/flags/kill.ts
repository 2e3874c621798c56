import { Agent, type IncomingMessage, request } from "node:http";
import type { Client } from "@latchkey/api/client";
import { type Bench, type Figure, figure, median, quantile, sleep } from "../figure.ts";
import { startOwn } from "../installation.ts";
import { measureUnleash } from "./unleash.ts";

/**
 * How soon a kill holds: from the moment the order is sent until a client has the new value in its hands. Clients are as those
 * of OFREP are: they listen to events (ADR 0008), ask again when one comes, and read the answer.
 */
export const CLIENTS = 200;
const FLAGS = 100;
const ENVIRONMENT = "production";
const main = { project: "main" };
const WITHIN_MS = 10_000;
/** The flags that clients watch, in both systems: on for everybody, so that a kill is a change for each. */
export const namesOf = (flags: number): string[] => Array.from({ length: flags }, (_, i) => `flag-${i}`);

export async function measureKill(bench: Bench): Promise<Figure[]> {
  const ours = await measureOurs(bench);
  if (ours === null) return [];
  const peers = await measureUnleash(bench, { clients: CLIENTS, flags: namesOf(FLAGS) });
  const beside = (ms: number | undefined, name: string, ratioBelow?: number) =>
    ms === undefined ? {} : { peer: { name, value: ms }, ...(ratioBelow === undefined ? {} : { ratioBelow }) };
  const { default: byDefault, second } = peers ?? {};
  const name = (q: string) => `a kill is a value at ${CLIENTS} clients, ${q}`;
  return [
    figure(name("p99"), ours.p99, "ms", { below: 250, ...beside(byDefault?.p99, "Unleash, as it comes (15 s)", 0.1) }),
    figure(name("p50"), ours.p50, "ms", beside(byDefault?.p50, "Unleash, as it comes (15 s)")),
    figure(name("p99, beside a poll each second"), ours.p99, "ms", beside(second?.p99, "Unleash, 1 s")),
    figure(name("p50, beside a poll each second"), ours.p50, "ms", beside(second?.p50, "Unleash, 1 s")),
  ];
}

async function measureOurs(bench: Bench): Promise<Spread | null> {
  const installation = await startOwn(bench.root, bench.signal);
  try {
    const { client, url } = installation;
    const definition = {
      environments: { [ENVIRONMENT]: { isEnabled: true, otherwise: { kind: "variant", variant: "on" } as const } },
    };
    for (const flag of namesOf(FLAGS)) await client.putFlag({ params: { ...main, flag }, body: { definition } });
    const { secret } = await client.createFlagKey({
      params: main,
      body: { name: "bench", environment: ENVIRONMENT, kind: "server" },
    });
    bench.say(`Latchkey: ${FLAGS} flags, ${CLIENTS} clients that listen`);
    return (await killsOf(bench, { client, url, secret })).value;
  } finally {
    await installation.stop();
  }
}

/** Of several kills: the median of what each was, in milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  /** The slowest client of all kills. */
  readonly worst: number;
}
/** The spread over clients for each kill, then the median over kills: one that met another program's work does not decide. */
export const spreadOf = (kills: readonly (readonly number[])[]): Spread => ({
  p50: median(kills.map((times) => quantile(times, 0.5))),
  p99: median(kills.map((times) => quantile(times, 0.99))),
  worst: Math.max(...kills.flat()),
});

/** Kills one flag after the other, and turns it on again in between; each client is waited for. When it heard, and when it had it. */
export async function killsOf(
  bench: Bench,
  o: { readonly client: Client; readonly url: string; readonly secret: string },
): Promise<{ readonly heard: Spread; readonly value: Spread }> {
  const rounds = bench.runs ?? (bench.quick ? 4 : 20);
  const crowd = Array.from({ length: CLIENTS }, (_, i) => new OfrepClient(o.url, o.secret, `user-${i}`));
  try {
    for (const one of crowd) await one.start();
    const [kills, events]: [number[][], number[][]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const flag = `flag-${round}`;
      const turn = async (isEnabled: boolean): Promise<number[]> => {
        const seen = crowd.map((one) => one.until(flag, !isEnabled));
        const begun = performance.now();
        const body = { environment: ENVIRONMENT, isEnabled, reason: isEnabled ? "it was mended" : "harm" };
        await o.client.switchFlag({ params: { ...main, flag }, body });
        const times = (await Promise.all(seen)).map((at) => at - begun);
        if (!isEnabled) events.push(crowd.map((one) => (one.heardAt ?? Number.POSITIVE_INFINITY) - begun));
        return times;
      };
      kills.push(await turn(false));
      await turn(true);
      // What a round leaves behind is not the next one's.
      await sleep(100);
    }
    return { heard: spreadOf(events), value: spreadOf(kills) };
  } finally {
    for (const one of crowd) one.stop();
  }
}

interface Watch {
  readonly flag: string;
  readonly isKilled: boolean;
  readonly done: (at: number) => void;
}
/** One application that keeps the values of all flags, and a stream that says when to ask again. */
class OfrepClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #body: string;
  readonly #agent = new Agent({ keepAlive: true });
  #etag = "";
  #killed: ReadonlySet<string> = new Set();
  #watch: Watch | null = null;
  #stream: IncomingMessage | null = null;
  #asking = false;
  #again = false;
  /** When the first event came since it was last asked to wait for something. */
  heardAt: number | null = null;

  constructor(url: string, secret: string, targetingKey: string) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${secret}` };
    this.#body = JSON.stringify({ context: { targetingKey, email: `${targetingKey}@example.com`, country: "DE" } });
  }

  async start(): Promise<void> {
    await this.#ask();
    this.#stream = await this.#send("GET", "/ofrep/v1/events", {});
    this.#stream.on("error", () => {});
    this.#stream.on("data", (bytes: Buffer) => {
      if (!bytes.includes("refetchEvaluation")) return;
      this.heardAt ??= performance.now();
      void this.#ask();
    });
  }

  /** When it has a flag as killed, or as on again. */
  until(flag: string, isKilled: boolean): Promise<number> {
    this.heardAt = null;
    return new Promise((done, fail) => {
      const late = setTimeout(
        () => fail(new Error(`A client did not have ${flag} within ${WITHIN_MS} ms.`)),
        WITHIN_MS,
      );
      this.#watch = {
        ...{ flag, isKilled },
        done: (at) => {
          clearTimeout(late);
          done(at);
        },
      };
    });
  }

  stop(): void {
    this.#stream?.destroy();
    this.#agent.destroy();
  }

  /** One question at a time; an event that comes meanwhile asks once more after it. */
  async #ask(): Promise<void> {
    this.#again = true;
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#refetch();
      }
    } finally {
      this.#asking = false;
    }
  }

  async #refetch(): Promise<void> {
    const headers = { "content-type": "application/json", "if-none-match": this.#etag };
    const answer = await this.#send("POST", "/ofrep/v1/evaluate/flags", headers, this.#body);
    const pieces: Buffer[] = [];
    for await (const piece of answer) pieces.push(piece as Buffer);
    if (answer.statusCode === 304) return;
    if (answer.statusCode !== 200) throw new Error(`OFREP answered ${answer.statusCode}.`);
    const { flags } = JSON.parse(Buffer.concat(pieces).toString()) as { flags: { key: string; reason: string }[] };
    this.#etag = answer.headers.etag ?? "";
    this.#killed = new Set(flags.filter(({ reason }) => reason === "DISABLED").map(({ key }) => key));
    const watch = this.#watch;
    if (!watch || this.#killed.has(watch.flag) !== watch.isKilled) return;
    this.#watch = null;
    watch.done(performance.now());
  }

  #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#url + path,
        { method, agent: this.#agent, headers: { ...this.#headers, ...headers } },
        resolve,
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }
}
