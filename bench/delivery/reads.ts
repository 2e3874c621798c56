import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, type Figure, figure, quantile, sleep } from "../figure.ts";
import type { Installation } from "../installation.ts";
import { OpenLoop } from "../open-loop.ts";
import { cpuOf } from "../processes.ts";

/** (c) Reads of the API at 200 requests a second, with rollouts present. */
export async function measureReads(bench: Bench, installation: Installation): Promise<Figure[]> {
  const { client, url, own } = installation;
  if (!own) return [];
  const token = readFileSync(join(own.dir, "cli.token"), "utf8").trim();
  const { items } = await client.listDeployments({ params: { project: "main" } });
  const rollouts = items.flatMap((d) => (d.rolloutId ? [d.rolloutId] : []));
  const base = "/api/v1/projects/main";
  const mix = [
    `${base}/services`,
    `${base}/services`,
    `${base}/deployments?limit=20`,
    ...rollouts.slice(0, 2).map((id) => `${base}/rollouts/${id}`),
    `${base}/ledger?limit=50`,
  ];
  const times = new Map<string, number[]>();
  let failed = 0;
  const loop = new OpenLoop({
    url,
    perSecond: 200,
    seed: 11,
    headers: { authorization: `Bearer ${token}` },
    next: (random) => mix[Math.floor(random() * mix.length)] ?? "",
    onAnswer: (a) => {
      const kind = a.path.replace(/\?.*/, "").split("/")[5] ?? "";
      times.set(kind, [...(times.get(kind) ?? []), a.answeredAtMs - a.sentAtMs]);
      if (a.status !== 200) failed += 1;
    },
  });
  const seconds = bench.quick ? 5 : 30;
  const before = cpuOf(own.dir);
  loop.start();
  await sleep(seconds * 1000);
  await loop.stop();
  const after = cpuOf(own.dir);
  const all = [...times.values()].flat();
  for (const [kind, list] of times)
    bench.say(`reads of ${kind}: p50 ${quantile(list, 0.5)} ms, p95 ${quantile(list, 0.95)} ms of ${list.length}`);
  const perRead = (part: "server" | "postgres") => ((after[part] - before[part]) / all.length) * 1000;
  return [
    figure("API reads at 200/s: p95", quantile(all, 0.95), "ms", { below: 50 }),
    figure("API reads at 200/s: p50", quantile(all, 0.5), "ms"),
    figure("API reads at 200/s: CPU of the server", perRead("server"), "ms per read"),
    figure("API reads at 200/s: CPU of PostgreSQL", perRead("postgres"), "ms per read"),
    figure("API reads that failed or were dropped", failed + loop.dropped, "requests", { below: 1 }),
  ];
}
