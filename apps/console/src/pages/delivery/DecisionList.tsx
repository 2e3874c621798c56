import type { Decision } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { clock, sentence, spaced } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { A } from "../../ui/Text.tsx";

const TONES: Record<string, string> = {
  promoted: "bg-good",
  held_back: "bg-good",
  completed: "bg-good",
  holdback_ended: "bg-good",
  roll_back_begun: "bg-bad",
  rolled_back: "bg-bad",
  aborted: "bg-bad",
  start_failed: "bg-bad",
  paused: "bg-warn",
  person_asked: "bg-warn",
};

/** Decisions as they fell, numbered as in the charts, each with its entry in the ledger. */
export function DecisionList({ decisions }: { decisions: readonly Decision[] }) {
  return (
    <Section title="Decisions" note="numbered as in the charts">
      {decisions.length === 0 ? (
        <p className="m-0 text-muted">None yet. The first falls when the release is ready for traffic.</p>
      ) : (
        <ol className="m-0 list-none flex flex-col gap-3 p-0">
          {decisions.map((d, i) => (
            <li key={`${d.at}${d.kind}`} className="flex gap-3">
              <span
                className={`mt-px flex size-5 shrink-0 items-center justify-center rounded-full text-2xs font-semibold text-surface ${TONES[d.kind] ?? "bg-muted"}`}
                aria-hidden
              >
                {i + 1}
              </span>
              <div className="min-w-0">
                <div className="flex flex-wrap items-baseline gap-x-2">
                  <span className="font-medium">{sentence(spaced(d.kind))}</span>
                  <span className="text-xs text-muted">
                    {clock(d.at)} by {d.actor}
                  </span>
                  {d.sequence !== null && (
                    <A href={to.ledgerEntry(d.sequence)} className="text-xs">
                      ledger {d.sequence}
                    </A>
                  )}
                </div>
                <div className="break-words text-soft">{d.words}</div>
              </div>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
