import type { Rollout } from "../../api/types.ts";
import { clock } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";

/** What a provider or a script says while it brings the release up. Nothing where nothing was said. */
export function ProgressPanel({ rollout: { progress } }: { rollout: Pick<Rollout, "progress"> }) {
  if (progress.length === 0) return null;
  return (
    <Section title="How far its host is">
      <div role="log">
        <ol className="m-0 flex list-none flex-col gap-1 p-0">
          {progress.map(({ at, words }, i) => (
            <li key={`${at} ${words}`} className={i === progress.length - 1 ? "font-medium" : "text-soft"}>
              <time dateTime={at} className="mr-2 text-xs text-muted tabular-nums">
                {clock(at)}
              </time>
              <span className="break-words">{words}</span>
            </li>
          ))}
        </ol>
      </div>
    </Section>
  );
}
