import { type Bench, type Figure, figure, quantile, sleep } from "../figure.ts";
import type { Installation } from "../installation.ts";
import { OpenLoop } from "../open-loop.ts";
import { cpuOf, memoryOf } from "../processes.ts";

/** (b) Memory idle and at 500 requests a second, and what everything costs when nothing goes on. */
const GOALS = { server: 250, gateway: 100, postgres: 120 } as const;
type Part = keyof typeof GOALS;
const PARTS: readonly Part[] = ["server", "gateway", "postgres"];
const WORDS: Readonly<Record<Part, string>> = {
  server: "server, resident",
  gateway: "gateway, resident",
  postgres: "PostgreSQL, proportional",
};

export async function measureIdle(bench: Bench, installation: Installation): Promise<Figure[]> {
  const { own } = installation;
  if (!own) return [];
  const seconds = bench.quick ? 5 : 30;
  const memory = memoryOf(own.dir);
  const before = cpuOf(own.dir);
  const begun = performance.now();
  await sleep(seconds * 1000);
  const after = cpuOf(own.dir);
  const percent = (part: Part) => ((after[part] - before[part]) / ((performance.now() - begun) / 1000)) * 100;
  bench.say(`idle CPU: ${PARTS.map((p) => `${p} ${percent(p).toFixed(2)} %`).join(", ")}`);
  const all = PARTS.reduce((sum, part) => sum + percent(part), 0);
  return [
    ...PARTS.map((part) => figure(`idle: ${WORDS[part]}`, memory[part], "MB", { below: GOALS[part] })),
    ...PARTS.map((part) => figure(`idle: CPU of the ${part}`, percent(part), "% of a core")),
    figure("idle: CPU of server, gateway and PostgreSQL", all, "% of a core", { below: 2 }),
  ];
}

export async function measureMemory(bench: Bench, installation: Installation): Promise<Figure[]> {
  const { own } = installation;
  if (!own) return [];
  const times: number[] = [];
  let failed = 0;
  const loop = new OpenLoop({
    url: installation.applicationUrl,
    perSecond: 500,
    seed: 5,
    next: (random) => (random() < 0.2 ? "/" : "/api/leads?limit=3"),
    onAnswer: (a) => {
      times.push(a.answeredAtMs - a.sentAtMs);
      if (a.status !== 200) failed += 1;
    },
  });
  const most: Record<Part, number> = { server: 0, gateway: 0, postgres: 0 };
  loop.start();
  for (let i = 0; i < (bench.quick ? 5 : 40); i++) {
    await sleep(1_000);
    const now = memoryOf(own.dir);
    for (const part of PARTS) most[part] = Math.max(most[part], now[part]);
  }
  await loop.stop();
  return [
    ...PARTS.map((part) => figure(`500 requests/s: ${WORDS[part]}, most`, most[part], "MB", { below: GOALS[part] })),
    figure("500 requests/s: p50 through the gateway", quantile(times, 0.5), "ms"),
    figure("500 requests/s: p99 through the gateway", quantile(times, 0.99), "ms"),
    figure("500 requests/s: answers other than 200, and dropped", failed + loop.dropped, "requests", { below: 1 }),
  ];
}
