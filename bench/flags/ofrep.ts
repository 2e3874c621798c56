import { Agent, request } from "node:http";
import type { Client } from "@latchkey/api/client";
import { type Bench, type Figure, figure, quantile } from "../figure.ts";
import { startOwn } from "../installation.ts";
import { cpuOf } from "../processes.ts";
import { CLIENTS, killsOf } from "./kill.ts";

/** What applications wait for: one flag, a thousand at once, and a kill among a thousand. */
const FLAGS = 1_000;
const ENVIRONMENT = "production";
const main = { project: "main" };

export async function measureOfrep(bench: Bench): Promise<Figure[]> {
  const installation = await startOwn(bench.root, bench.signal);
  try {
    const { client, url, own } = installation;
    if (!own) return [];
    bench.say(`${FLAGS} flags`);
    for (let i = 0; i < FLAGS; i++)
      await client.putFlag({ params: { ...main, flag: `flag-${i}` }, body: { definition } });
    const { secret } = await client.createFlagKey({
      params: main,
      body: { name: "bench", environment: ENVIRONMENT, kind: "server" },
    });
    return [
      // First: meanwhile the server notes that a thousand rollouts have begun, which no team does in a minute.
      ...(await single(bench, { url, secret, dir: own.dir })),
      ...(await bulk(bench, { url, secret, dir: own.dir })),
      ...(await kill(bench, { client, url, secret })),
    ];
  } finally {
    await installation.stop();
  }
}

const definition: Parameters<Client["putFlag"]>[0]["body"]["definition"] = {
  environments: {
    [ENVIRONMENT]: {
      isEnabled: true,
      rules: [
        {
          id: "ours",
          when: { kind: "attribute", attribute: "email", operator: "ends_with", values: ["@example.org"] },
          serve: { kind: "variant", variant: "on" },
        },
      ],
      otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 30 },
    },
  },
};
const contextOf = (i: number) =>
  JSON.stringify({ context: { targetingKey: `user-${i}`, email: `u${i}@example.com`, country: "DE", plan: "pro" } });

/** Sends a question over a kept connection; resolves with how long the whole answer took, in milliseconds. */
function ask(agent: Agent, url: string, secret: string, body: string): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${secret}` };
    const sent = request(url, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.on("end", () =>
        answer.statusCode === 200
          ? resolve(performance.now() - begun)
          : reject(new Error(`${url} answered ${answer.statusCode}.`)),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function bulk(
  bench: Bench,
  { url, secret, dir }: { readonly url: string; readonly secret: string; readonly dir: string },
): Promise<Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  const before = cpuOf(dir).server;
  for (let i = 0; i < (bench.quick ? 30 : 500); i++)
    times.push(await ask(agent, `${url}/ofrep/v1/evaluate/flags`, secret, contextOf(i)));
  const cpu = ((cpuOf(dir).server - before) / times.length) * 1_000;
  agent.destroy();
  const warm = times.slice(Math.floor(times.length / 5));
  return [
    figure(`OFREP: ${FLAGS} flags at once, p95`, quantile(warm, 0.95), "ms", { below: 5 }),
    figure(`OFREP: ${FLAGS} flags at once, CPU of the server`, cpu, "ms"),
  ];
}

const CONNECTIONS = 8;
async function single(
  bench: Bench,
  o: { readonly url: string; readonly secret: string; readonly dir: string },
): Promise<Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = bench.quick ? 2_000 : 40_000;
  const run = async (many: number): Promise<void> => {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < many; i = next++)
        await ask(agent, `${o.url}/ofrep/v1/evaluate/flags/flag-${i % FLAGS}`, o.secret, contextOf(i));
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  };
  await run(times / 4);
  const before = cpuOf(o.dir).server;
  await run(times);
  const spent = cpuOf(o.dir).server - before;
  agent.destroy();
  return [
    figure("OFREP: single evaluations for a second of the server's CPU", times / spent, "/s", { atLeast: 8_000 }),
  ];
}

/** The same kill as `flags kill` measures, with many more flags to load, to write and to read. */
async function kill(bench: Bench, o: Parameters<typeof killsOf>[1]): Promise<Figure[]> {
  const { heard, value } = await killsOf(bench, o);
  const name = `a kill among ${FLAGS} flags`;
  return [
    figure(`${name} is heard by ${CLIENTS} who listen, p99`, heard.p99, "ms", { below: 250 }),
    figure(`${name} is a value at ${CLIENTS} clients, p99`, value.p99, "ms"),
    figure(`${name} is a value at ${CLIENTS} clients, p50`, value.p50, "ms"),
    figure(`${name} is a value at ${CLIENTS} clients, the slowest`, value.worst, "ms"),
  ];
}
