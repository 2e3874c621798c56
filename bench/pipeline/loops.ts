import { type Bench, type Figure, figure, sleep } from "../figure.ts";
import { startOwn } from "../installation.ts";
import { cpuOf } from "../processes.ts";

/** So many services in two environments each: a company with as many teams as a small control plane is for. */
const SERVICES = 200;
const AT_ONCE = 8;
const PARTS = ["server", "gateway", "postgres"] as const;
/** Loops that look each second may cost so much when nothing goes on, in percent of a core. */
const GOAL = 10;

/** What the loops over all services cost when nothing goes on, with one service and with 200. */
export async function measureLoops(bench: Bench): Promise<Figure[]> {
  bench.say("Starting a Latchkey of its own ...");
  const installation = await startOwn(bench.root, bench.signal);
  const { client, own } = installation;
  if (!own) return [];
  const seconds = bench.quick ? 10 : 30;
  const idle = async () => {
    const [before, begun] = [cpuOf(own.dir), performance.now()];
    await sleep(seconds * 1_000);
    const after = cpuOf(own.dir);
    const percent = (part: (typeof PARTS)[number]) =>
      ((after[part] - before[part]) / ((performance.now() - begun) / 1_000)) * 100;
    return { server: percent("server"), gateway: percent("gateway"), postgres: percent("postgres") };
  };
  try {
    await sleep(5_000);
    const one = await idle();
    const { config } = await client.getService({ params: { project: "main", service: "leads" } });
    for (let first = 0; first < SERVICES; first += AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, SERVICES - first) }, (_, i) =>
          client.applyService({
            body: {
              root: bench.root,
              config: {
                ...config,
                ...{ name: `service-${first + i}`, environments: ["staging", "production"] },
                promotions: [{ from: "staging", to: "production", automatic: first + i < AT_ONCE, soakMs: 600_000 }],
              },
            },
          }),
        ),
      );
    await sleep(5_000);
    const many = await idle();
    bench.say(PARTS.map((part) => `${part}: ${one[part].toFixed(1)} % and ${many[part].toFixed(1)} %`).join(", "));
    const all = (of: typeof one) => of.server + of.gateway + of.postgres;
    return [
      ...PARTS.map((part) => figure(`idle with ${SERVICES} services: CPU of the ${part}`, many[part], "% of a core")),
      figure("idle with 1 service: CPU of all", all(one), "% of a core"),
      figure(`idle with ${SERVICES} services: CPU of all`, all(many), "% of a core", { below: GOAL }),
    ];
  } finally {
    await installation.stop();
  }
}
