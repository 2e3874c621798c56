import type { Dora } from "../../api/types.ts";
import { Section } from "../../ui/Section.tsx";
import { KEY_WORDS, NO_DATA } from "./insight-words.ts";

/** DORA's Quick Check, 0 to 10: where one stands, and where the industry does. */
const place = (score: number): string => `${(Math.min(10, Math.max(0, score)) / 10) * 100}%`;

function Scale({ score: s }: { score: Dora["scores"][number] }) {
  const { mean, deviation } = s.industry;
  const low = Math.max(0, mean - (deviation ?? 0));
  const high = Math.min(10, mean + (deviation ?? 0));
  const own = s.score === null ? NO_DATA : s.score.toFixed(1);
  return (
    <div className="grid grid-cols-[1fr_auto] items-center gap-x-3 gap-y-1 sm:grid-cols-[15rem_1fr_9rem]">
      <span className="text-xs font-medium">{KEY_WORDS[s.key].name}</span>
      <div
        role="img"
        aria-label={`${KEY_WORDS[s.key].name}: ${own}; the industry has ${mean.toFixed(1)}${deviation === null ? "" : `, most of it ${low.toFixed(1)} to ${high.toFixed(1)}`}`}
        className="relative col-span-2 row-start-2 h-5 sm:col-span-1 sm:row-start-auto"
      >
        <span className="absolute inset-x-0 top-1/2 h-px bg-line-strong" />
        <span
          className="absolute top-1/2 h-2 -translate-y-1/2 rounded-full bg-line-strong"
          style={{ left: place(low), width: `${(high - low) * 10}%` }}
        />
        <span className="absolute top-0.5 bottom-0.5 w-0.5 -translate-x-1/2 bg-soft" style={{ left: place(mean) }} />
        {s.score !== null && (
          <span
            className="absolute top-1/2 size-3.5 -translate-x-1/2 -translate-y-1/2 rounded-full border-2 border-surface bg-(--series-1)"
            style={{ left: place(s.score) }}
          />
        )}
      </div>
      <span className="text-right text-xs text-soft">
        {own}
        <span className="text-muted"> / {mean.toFixed(1)}</span>
        {s.level && (
          <span className="block text-muted">
            {s.level.name} in {s.level.year}
          </span>
        )}
      </span>
    </div>
  );
}

export function ScorePicture({ scores }: { scores: Dora["scores"] }) {
  return (
    <Section
      title="Against the industry"
      note="DORA's Quick Check, 0 to 10; dot: here; stroke: mean; bar: most of them"
    >
      <div className="flex flex-col gap-3">
        {scores.map((score) => (
          <Scale key={score.key} score={score} />
        ))}
      </div>
      <p className="m-0 mt-3 text-xs text-muted">
        The industry's figures are answers of people in DORA's survey of 2025. DORA advises against making a goal of
        them.
      </p>
    </Section>
  );
}
