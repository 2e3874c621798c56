import { type Bench, type Figure, figure, median, quantile, sleep } from "../figure.ts";
import { OpenLoop } from "../open-loop.ts";
import { type Contender, drive, type Round, startProxies } from "../proxies/proxies.ts";

/**
 * The gateway, with its counters on, beside the fastest libraries that do the same in Node and beside HAProxy. All are
 * driven in turns, so that what else the machine does meets each of them; CPU per request hardly depends on it.
 */
const ROUNDS = 7;
const ROUND_S = 3;
const LIBRARIES = ["reply-from", "http-proxy-3"] as const;
const FASTER = 1.1;
/** As many as a small team's busiest hour brings; the added time is told at this rate. */
const PER_SECOND = 1_000;

export async function measureProxies(bench: Bench): Promise<Figure[]> {
  const { contenders, stop } = await startProxies(bench.root, [...LIBRARIES, "HAProxy"], bench.say);
  try {
    const rounds = new Map<string, Round[]>(contenders.map((c) => [c.name, []]));
    // The first round warms every contender up (just-in-time compilation) and is not kept.
    for (const c of contenders) await drive(c, 1);
    for (let i = 0; i < (bench.quick ? 1 : ROUNDS) && !bench.signal.aborted; i++)
      for (const c of contenders) rounds.get(c.name)?.push(await drive(c, bench.quick ? 1 : ROUND_S));
    for (const [name, list] of rounds)
      bench.say(
        `${name}: ${median(list.map((r) => r.perSecond)).toFixed(0)} requests/s, ${median(list.map((r) => r.cpuMsPerRequest)).toFixed(4)} ms of CPU each`,
      );
    return [...speeds(rounds), await addedTime(bench, contenders)];
  } finally {
    stop();
  }
}

function speeds(rounds: ReadonlyMap<string, readonly Round[]>): Figure[] {
  const perSecond = (name: string) => median((rounds.get(name) ?? []).map((r) => r.perSecond));
  const cost = (name: string) => median((rounds.get(name) ?? []).map((r) => r.cpuMsPerRequest));
  const best = [...LIBRARIES].sort((a, b) => perSecond(b) - perSecond(a))[0] ?? LIBRARIES[0];
  const thriftiest = [...LIBRARIES].sort((a, b) => cost(a) - cost(b))[0] ?? LIBRARIES[0];
  const beside = (name: string) => [
    figure(`gateway: throughput beside ${name}`, perSecond("gateway"), "requests/s", {
      peer: { name, value: perSecond(name) },
    }),
    figure(`gateway: CPU per request beside ${name}`, cost("gateway"), "ms", { peer: { name, value: cost(name) } }),
  ];
  return [
    figure("gateway: throughput beside the fastest library", perSecond("gateway"), "requests/s", {
      peer: { name: best, value: perSecond(best) },
      ratioAtLeast: FASTER,
    }),
    figure("gateway: CPU per request beside the thriftiest library", cost("gateway"), "ms", {
      peer: { name: thriftiest, value: cost(thriftiest) },
      ratioBelow: 1 / FASTER,
    }),
    ...(rounds.has("HAProxy") ? beside("HAProxy") : []),
  ];
}

/** How much later the slowest hundredth of answers comes through the gateway than from the upstream itself. */
async function addedTime(bench: Bench, contenders: readonly Contender[]): Promise<Figure> {
  const pick = (name: string) => contenders.find((c) => c.name === name)?.url ?? "";
  const added: number[] = [];
  for (let i = 0; i < (bench.quick ? 1 : 5) && !bench.signal.aborted; i++) {
    const direct = await ninetyNine(pick("direct"), bench.quick ? 2 : 6, i);
    const through = await ninetyNine(pick("gateway"), bench.quick ? 2 : 6, i);
    bench.say(`p99 at ${PER_SECOND}/s: ${through.toFixed(2)} ms through the gateway, ${direct.toFixed(2)} ms direct`);
    added.push(through - direct);
  }
  return figure(`gateway: added p99 at ${PER_SECOND} requests/s, median of ${added.length}`, median(added), "ms", {
    below: 2,
  });
}

async function ninetyNine(url: string, seconds: number, seed: number): Promise<number> {
  const times: number[] = [];
  let failed = 0;
  const loop = new OpenLoop({
    url,
    perSecond: PER_SECOND,
    seed,
    next: () => "/api/leads",
    onAnswer: (a) => {
      times.push(a.answeredAtMs - a.sentAtMs);
      if (a.status !== 200) failed += 1;
    },
  });
  loop.start();
  await sleep(seconds * 1_000);
  await loop.stop();
  if (failed + loop.dropped > 0) throw new Error(`${url}: ${failed} requests failed, ${loop.dropped} were not sent.`);
  return quantile(times, 0.99);
}
