import { type Bench, type Figure, figure, median } from "../figure.ts";
import { drive, type Round, startProxies } from "../proxies/proxies.ts";

/** (f) What the gateway costs, beside no gateway and beside HAProxy on the same machine, in turns within one run. */
const ROUNDS = 5;

export async function measureGateway(bench: Bench): Promise<Figure[]> {
  const { contenders, stop } = await startProxies(bench.root, ["HAProxy"], bench.say);
  try {
    const rounds = new Map<string, Round[]>(contenders.map((c) => [c.name, []]));
    for (let i = 0; i < (bench.quick ? 1 : ROUNDS); i++)
      for (const c of contenders) rounds.get(c.name)?.push(await drive(c, bench.quick ? 1 : 4));
    return figuresOf(rounds);
  } finally {
    stop();
  }
}

function figuresOf(rounds: ReadonlyMap<string, readonly Round[]>): Figure[] {
  const of = (name: string, pick: (r: Round) => number) => median((rounds.get(name) ?? []).map(pick));
  const speed = (r: Round) => r.perSecond;
  const cost = (r: Round) => r.cpuMsPerRequest;
  const n = rounds.get("gateway")?.length ?? 0;
  const direct = { name: "direct", value: of("direct", speed) };
  const peer = rounds.has("HAProxy") ? { name: "HAProxy", value: of("HAProxy", speed) } : null;
  return [
    figure(`gateway: throughput beside direct, median of ${n}`, of("gateway", speed), "requests/s", { peer: direct }),
    ...(peer
      ? [
          figure("gateway: throughput beside HAProxy", of("gateway", speed), "requests/s", { peer }),
          figure("gateway: CPU per request beside HAProxy", of("gateway", cost), "ms", {
            peer: { name: "HAProxy", value: of("HAProxy", cost) },
          }),
        ]
      : []),
    // A quarter of a millisecond is 500 requests a second in an eighth of a core.
    figure("gateway: CPU per request", of("gateway", cost), "ms", { below: 0.25 }),
  ];
}
