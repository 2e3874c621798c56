import { type Bench, type Figure, figure, quantile, sleep } from "../figure.ts";
import { startOwn } from "../installation.ts";
import { Deliverer, type Delivery, historyOf, SECRET } from "./deliveries.ts";

/** Deliveries at a steady rate, whether or not answers come; then each is delivered again: a server that has it says so. */
const PER_SECOND = 500;
const SECONDS = 60;
const SECONDS_QUICK = 5;
const P99_BELOW_MS = 50;
const AGAIN_AT_ONCE = 32;
const TAKEN_WITHIN_MS = 120_000;

export async function measureWebhooks(bench: Bench): Promise<Figure[]> {
  bench.say("Starting a Latchkey of its own ...");
  const installation = await startOwn(bench.root, bench.signal, { LATCHKEY_GITHUB_WEBHOOK_SECRET: SECRET });
  const deliverer = new Deliverer(installation.url);
  try {
    const all = historyOf("acme/bench", PER_SECOND * (bench.quick ? SECONDS_QUICK : SECONDS));
    bench.say(`Delivering ${all.length} at ${PER_SECOND} a second ...`);
    const begun = performance.now();
    const sent = await deliverSteadily(bench, deliverer, all);
    const tookMs = performance.now() - begun;
    bench.say("Delivering each of them again, to see that none is lost ...");
    const lost = await countLost(bench, deliverer, all);
    const takenMs = await untilTaken(installation.client);
    const refused = sent.filter((a) => a.status !== 202).length;
    return [
      figure(
        `answer to a delivery at ${PER_SECOND}/s, p99`,
        quantile(
          sent.map((a) => a.ms),
          0.99,
        ),
        "ms",
        { below: P99_BELOW_MS },
      ),
      figure(
        "the same, median",
        quantile(
          sent.map((a) => a.ms),
          0.5,
        ),
        "ms",
      ),
      figure(`of ${all.length} deliveries: not answered with 202`, refused, "deliveries", { atMost: 0 }),
      figure("reached rate", (all.length / tookMs) * 1_000, "deliveries/s", { atLeast: PER_SECOND * 0.98 }),
      figure("lost, by id", lost, "deliveries", { atMost: 0 }),
      figure("until all were taken in, after the last one", takenMs / 1_000, "s"),
    ];
  } finally {
    deliverer.close();
    await installation.stop();
  }
}

async function deliverSteadily(bench: Bench, deliverer: Deliverer, all: readonly Delivery[]) {
  const answers: Promise<{ ms: number; status: number }>[] = [];
  const begun = performance.now();
  while (answers.length < all.length && !bench.signal.aborted) {
    const due = Math.min(all.length, Math.ceil(((performance.now() - begun) / 1_000) * PER_SECOND));
    for (const one of all.slice(answers.length, due)) {
      const at = performance.now();
      answers.push(deliverer.send(one).then((answer) => ({ ms: performance.now() - at, status: answer?.status ?? 0 })));
    }
    await sleep(1);
  }
  return Promise.all(answers);
}

/** A delivery that the server says it stores now had not been stored before. */
async function countLost(bench: Bench, deliverer: Deliverer, all: readonly Delivery[]): Promise<number> {
  let lost = 0;
  let next = 0;
  const client = async () => {
    for (let one = all[next++]; one && !bench.signal.aborted; one = all[next++]) {
      const answer = await deliverer.send(one);
      if (answer?.status !== 202 || answer.stored) lost += 1;
    }
  };
  await Promise.all(Array.from({ length: AGAIN_AT_ONCE }, client));
  return bench.signal.aborted ? Number.NaN : lost;
}

async function untilTaken(client: Awaited<ReturnType<typeof startOwn>>["client"]): Promise<number> {
  const begun = performance.now();
  while (performance.now() - begun < TAKEN_WITHIN_MS) {
    const { github } = await client.getPipeline({ params: { project: "main" } });
    if (github.waitingDeliveries === 0) return performance.now() - begun;
    await sleep(100);
  }
  return Number.NaN;
}
