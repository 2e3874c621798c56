import type { MetricSource, Sample } from "@latchkey/core/analysis/metric-source";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Clock } from "../../apps/server/src/platform/clock.ts";
import type { World } from "../world.ts";

const TOTAL_PER_SECOND = 50;

/** A store of counters: both arms count at one rate, with events among them as the world's fault has it. */
export function simMetricSource(world: World, clock: Clock): MetricSource {
  const { guards } = world;
  const under = () => new Promise<void>((resolve) => clock.after(20, resolve));
  const DOWN = "it can't be reached (ECONNREFUSED)";
  return {
    now: async () => {
      await under();
      return guards.isSourceDown ? err(DOWN) : ok(world.timeline.nowMs + guards.sourceAheadMs);
    },
    read: async (query): Promise<Result<readonly Sample[], string>> => {
      await under();
      if (guards.isSourceDown) return err(DOWN);
      const [name = "", arm = ""] = query.split("/");
      const events = guards.eventsOf(arm);
      if (events === null) return ok([]);
      const total = Math.floor(((world.timeline.nowMs - world.startMs) / 1_000) * TOTAL_PER_SECOND);
      return ok([{ labels: {}, value: name === "total" ? total : world.counted(arm, total, events) }]);
    },
  };
}
