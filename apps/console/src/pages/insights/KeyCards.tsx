import { ArrowDown, ArrowRight, ArrowUp, CircleCheck, CircleX, Minus } from "lucide-react";
import type { Dora, DoraKey } from "../../api/types.ts";
import { type InsightsFilter, to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import {
  DIRECTION_WORDS,
  type Direction,
  DORA_KEYS,
  drawnFrom,
  KEY_WORDS,
  sureness,
  valueWords,
} from "./insight-words.ts";

/** The five keys, each with everything that says how far to trust it. */
const ICONS: Record<Direction, typeof ArrowUp> = {
  better: ArrowUp,
  worse: ArrowDown,
  same: ArrowRight,
  unknown: Minus,
};

function Trend({ trend }: { trend: { direction: Exclude<Direction, "unknown">; isClear: boolean } | null }) {
  const direction: Direction = trend?.direction ?? "unknown";
  const Icon = ICONS[direction];
  // What chance would do as well is not coloured.
  const color = !trend?.isClear ? "text-muted" : direction === "better" ? "text-good" : "text-bad";
  return (
    <p className={`m-0 flex items-center gap-1.5 text-xs ${color}`}>
      <Icon size={13} aria-hidden /> {DIRECTION_WORDS[direction]}
      {trend && direction !== "same" && !trend.isClear && ", within chance"}
    </p>
  );
}

function Goal({ goal }: { goal: { words: string; holds: boolean | null } | null }) {
  if (!goal) return null;
  return (
    <p className="m-0 flex flex-wrap items-center gap-1.5 text-xs text-soft">
      {goal.holds === null ? (
        <Badge tone="calm">Goal: no data</Badge>
      ) : goal.holds ? (
        <Badge tone="good" icon={<CircleCheck size={12} aria-hidden />}>
          Goal holds
        </Badge>
      ) : (
        <Badge tone="bad" icon={<CircleX size={12} aria-hidden />}>
          Goal missed
        </Badge>
      )}
      <span>{goal.words}</span>
    </p>
  );
}

/** What to do where there is nothing to count. */
export const HowToBegin = () => (
  <>
    Ship something, or take in what happened elsewhere with <Mono>latchkey import git &lt;path&gt;</Mono>.
  </>
);

function KeyCard({ name, dora, filter }: { name: DoraKey; dora: Dora; filter: InsightsFilter }) {
  const figure = dora.keys[name];
  const words = KEY_WORDS[name];
  const score = dora.scores.find((one) => one.key === name);
  return (
    <article
      aria-label={words.name}
      className="flex min-w-0 flex-col gap-1.5 rounded-lg border border-line bg-surface p-4"
    >
      <h3 className="m-0 text-xs font-medium text-soft">{words.name}</h3>
      <p className={`m-0 text-2xl leading-8 font-semibold tracking-tight ${figure.value === null ? "text-muted" : ""}`}>
        {valueWords(figure.value, words.unit)}
      </p>
      {figure.value === null ? (
        <p className="m-0 text-xs text-soft">
          {figure.words} <HowToBegin />
        </p>
      ) : (
        <>
          <p className="m-0 text-xs text-soft">{sureness(figure, name)}</p>
          {score && <Trend trend={score.trend} />}
        </>
      )}
      <p className="m-0 text-xs text-muted">{drawnFrom(name, figure)}</p>
      <Goal goal={score?.goal ?? null} />
      <p className="m-0 mt-auto pt-1 text-xs">
        <A href={to.insightDeployments({ ...filter, only: words.only })}>
          {words.only === "failed" ? "The failed ones" : words.only === "rework" ? "The rework" : "The deployments"}
          <span className="sr-only"> behind {words.name.toLowerCase()}</span>
        </A>
      </p>
    </article>
  );
}

export function KeyCards({ dora, filter }: { dora: Dora; filter: InsightsFilter }) {
  return (
    <section aria-labelledby="five-keys" className="min-w-0">
      <h2 id="five-keys" className="m-0 mb-2 text-sm font-semibold">
        The five keys
      </h2>
      <div className="grid grid-cols-[repeat(auto-fit,minmax(13.5rem,1fr))] gap-3">
        {DORA_KEYS.map((name) => (
          <KeyCard key={name} name={name} dora={dora} filter={filter} />
        ))}
      </div>
    </section>
  );
}
