import type { ServiceConfig } from "../../api/types.ts";
import { count, duration, milliseconds, percent } from "../../ui/format.ts";

/** A service's policies in plain sentences: what they mean for a release, each with its figure. */
export interface Rule {
  readonly name: string;
  readonly figure: string;
  readonly words: string;
}

const INCONCLUSIVE = {
  hold: "it stays at its share and a person is asked",
  promote: "it is promoted all the same",
  roll_back: "it is rolled back",
} as const;

/** How the health answer's words are read; nothing where its status alone counts. */
export function healthWords(health: ServiceConfig["health"]): string {
  const lists = (["healthy", "degraded", "unhealthy"] as const).flatMap((state) =>
    health[state] ? [`${state}: ${health[state].join(", ")}`] : [],
  );
  return lists.length === 0 ? "" : `; by its ${health.field ?? "status"} (${lists.join("; ")})`;
}

export function analysisRules({ analysis: a }: ServiceConfig): Rule[] {
  return [
    {
      name: "False rollbacks",
      figure: `at most ${percent(a.alpha)}`,
      words:
        "Of healthy releases, this share at most is rolled back by chance, over a whole rollout and however often one looks.",
    },
    {
      name: "False passes",
      figure: `at most ${percent(a.beta)}`,
      words: "Of releases that are worse than the margins, this share at most passes.",
    },
    {
      name: "Errors, harmless",
      figure: `+${percent(a.harmErrorRatio)}`,
      words: "More failed requests than the baseline by up to this is not called harm.",
    },
    {
      name: "Errors, to be excluded",
      figure: `+${percent(a.safeErrorRatio)}`,
      words: "To pass, it must be proved that the excess is smaller than this.",
    },
    {
      name: "Slowdown, harmless",
      figure: `+${percent(a.harmLatency)}`,
      words: "Slower than the baseline by up to this is not called harm.",
    },
    {
      name: "Slowdown, to be excluded",
      figure: `+${percent(a.safeLatency)}`,
      words: "To pass, it must be proved that the slowdown is smaller than this.",
    },
    {
      name: "Quick enough",
      figure: `under ${milliseconds(a.latencyFloorMs)}`,
      words: "Answers below this count as equally quick: nobody feels the difference.",
    },
    {
      name: "Least bake time",
      figure: duration(a.minimumBakeMs),
      words: "Not promoted before this, whatever the evidence.",
    },
    {
      name: "Least canary requests",
      figure: count(a.minimumCanaryRequests),
      words: "Not promoted on fewer, whatever the evidence.",
    },
    {
      name: "Memory growth",
      figure: `over ${percent(a.memoryGrowthRatio)}`,
      words: "Growing by more than this while the baseline does not is a leak: rolled back.",
    },
    {
      name: "Restarts",
      figure: `from ${count(a.restartLimit)}`,
      words: "A process that dies this often during the rollout is harm.",
    },
    ...(a.metrics ?? []).map((m) => ({
      name: m.name,
      figure: m.severity,
      words:
        m.description ?? `A ${m.kind} from ${m.source}: ${m.direction === "up_is_bad" ? "more" : "less"} is worse.`,
    })),
  ];
}

export function strategyWords({ strategy: s }: ServiceConfig): string[] {
  const lines = [
    s.kind === "canary"
      ? `A release gets ${s.steps.map((step) => `${step.trafficPercent} %`).join(", then ")} of the traffic; on each step it waits for its bake time and its requests, and is judged all along.`
      : s.kind === "blue_green"
        ? "A release takes all the traffic at once when it is ready; the one before is kept to go back to."
        : "A release replaces the one before at once, without comparison.",
    `Without proof ${duration(s.maximumMs)} after its first traffic, ${INCONCLUSIVE[s.onInconclusive]}.`,
  ];
  const { when = "auto", maximumChanges = 5 } = s.batch ?? {};
  lines.push(
    when === "off"
      ? "Changes that wait for a rollout go out one after the other."
      : `Changes that wait for a rollout and ask for it go out together, up to ${maximumChanges} at a time${when === "auto" ? ", while they come faster than rollouts end" : ""}.`,
  );
  if (s.holdbackPercent > 0 && s.holdbackMs > 0)
    lines.push(
      `After promotion ${percent(s.holdbackPercent / 100)} stay on the release before for ${duration(s.holdbackMs)}, so that a late regression is still seen.`,
    );
  return lines;
}
