import type { Dora } from "../../api/types.ts";
import { duration, plural } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { NO_DATA, REACHES, STAGES } from "./insight-words.ts";

/** Where a change's time goes: the medians of its stages behind one another, and the same as a table. */
const COLORS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"] as const;
const orNone = (ms: number | null): string => (ms === null ? NO_DATA : duration(ms));

function Bar({ stages }: { stages: Dora["stages"] }) {
  const known = STAGES.map(([key, name], i) => ({ key, name, color: COLORS[i], ms: stages[key].median ?? 0 })).filter(
    (stage) => stage.ms > 0,
  );
  const total = known.reduce((sum, stage) => sum + stage.ms, 0);
  return (
    <div
      role="img"
      aria-label={`Medians of the stages: ${known.map((s) => `${s.name} ${duration(s.ms)}`).join(", ")}`}
      className="flex h-9 gap-0.5 overflow-hidden rounded-md"
    >
      {known.map((stage) => (
        <div
          key={stage.key}
          title={`${stage.name}: ${duration(stage.ms)}`}
          // As narrow as it is, it can be seen and pointed at.
          style={{ flex: `${stage.ms / total} 1 0%`, minWidth: 4, background: `var(${stage.color})` }}
        />
      ))}
    </div>
  );
}

export function StagesPicture({ stages }: { stages: Dora["stages"] }) {
  const hasData = STAGES.some(([key]) => stages[key].of > 0) || REACHES.some(([key]) => stages[key].of > 0);
  return (
    <Section title="Where a change's time goes" note="medians; those of the stages do not add up to that of the whole">
      {hasData ? (
        <>
          <Bar stages={stages} />
          <div className="mt-3 overflow-x-auto">
            <table className="w-full text-left text-xs">
              <caption className="sr-only">Stages of a change's lead time</caption>
              <thead>
                <tr className="text-muted">
                  {["Stage", "Median", "90 % within", "Drawn from"].map((name, i) => (
                    <th key={name} scope="col" className={`py-1.5 pr-3 font-medium ${i > 0 ? "text-right" : ""}`}>
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody className="divide-y divide-line">
                {[...STAGES, ...REACHES].map(([key, name, about], i) => (
                  <tr key={key}>
                    <th scope="row" className="py-1.5 pr-3 font-normal">
                      <span
                        aria-hidden
                        className="mr-2 inline-block size-2.5 rounded-sm"
                        style={{ background: COLORS[i] ? `var(${COLORS[i]})` : "transparent" }}
                      />
                      <span className="font-medium">{name}</span> <span className="text-muted">{about}</span>
                    </th>
                    <td className="py-1.5 pr-3 text-right whitespace-nowrap">{orNone(stages[key].median)}</td>
                    <td className="py-1.5 pr-3 text-right whitespace-nowrap">{orNone(stages[key].p90)}</td>
                    <td className="py-1.5 pr-3 text-right whitespace-nowrap">{plural(stages[key].of, "change")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      ) : (
        <Empty title={NO_DATA}>No change in this window has times that tell its stages.</Empty>
      )}
    </Section>
  );
}
