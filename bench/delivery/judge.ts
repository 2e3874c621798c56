import { judge, startJudge } from "@latchkey/core/analysis/judge";
import { defaultPolicy } from "@latchkey/core/analysis/policy";
import type { ArmCounts } from "@latchkey/core/analysis/types";
import { bucketOf } from "@latchkey/core/shared/histogram";
import { type Random, seeded } from "@latchkey/core/shared/random";
import { type Bench, type Figure, figure, median } from "../figure.ts";

/** What one look costs the judge at 145 and 1000 requests a second, in processor time of one thread. */
function armOf(random: Random, requests: number): ArmCounts {
  const latency: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const bucket = bucketOf(100 * Math.exp(0.5 * z));
    latency[bucket] = (latency[bucket] ?? 0) + 1;
  }
  return { requests, errors: random() < 0.3 ? 1 : 0, latency, pageViews: 5, pageErrors: 0 };
}

export function measureJudge(bench: Bench): Figure[] {
  return [145, 1_000].map((perSecond) => {
    const random = seeded(perSecond);
    const looks = Array.from({ length: 50 }, (_, i) => ({
      atMs: 60_000 + i * 2_000,
      canaryShare: 0.5,
      baseline: armOf(random, perSecond),
      canary: armOf(random, perSecond),
      baselineProcess: { restarts: 0, residentBytes: 8e7, processes: 1 },
      canaryProcess: { restarts: 0, residentBytes: 8e7, processes: 1 },
      sourceUp: true,
    }));
    const fold = () => {
      let state = startJudge(defaultPolicy);
      for (const look of looks) state = judge(state, look, defaultPolicy).state;
    };
    for (let i = 0; i < 5; i++) fold();
    const times = Array.from({ length: bench.quick ? 5 : 30 }, () => {
      const before = process.cpuUsage();
      fold();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / looks.length;
    });
    return figure(`one look of the judge at ${perSecond} requests/s, median of ${times.length}`, median(times), "ms", {
      below: 1,
    });
  });
}
