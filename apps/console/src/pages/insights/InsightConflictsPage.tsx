import { useInfiniteQuery } from "@tanstack/react-query";
import { insightQueries } from "../../api/insight-queries.ts";
import { to } from "../../paths.ts";
import { spaced } from "../../ui/format.ts";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";

/** What sources told that can't all be true: kept as it was told, and left out of what it would bend. */
export function InsightConflictsPage() {
  const q = useInfiniteQuery(insightQueries.conflicts());
  return (
    <>
      <PageHead
        title="Contradictions in the facts"
        over={<A href={to.insights()}>Insights</A>}
        lead="What sources told that can't all be true. It is kept as it was told, and left out of the durations it would bend."
      />
      <Section title="Contradictions" flush>
        <Pages query={q} more="Show more" empty={<Empty title="The facts agree">Nothing contradicts itself.</Empty>}>
          {(items) => (
            <ul className="m-0 list-none divide-y divide-line p-0">
              {items.map((conflict) => (
                <li key={conflict.id} className="px-4 py-3">
                  <p className="m-0 font-medium first-letter:uppercase">{spaced(conflict.kind)}</p>
                  <p className="m-0 mt-0.5 text-soft">{conflict.words}</p>
                  <p className="m-0 mt-0.5 text-xs break-all text-muted">
                    <Mono>{conflict.subject}</Mono>
                    {conflict.other && (
                      <>
                        {" against "}
                        <Mono>{conflict.other}</Mono>
                      </>
                    )}
                  </p>
                </li>
              ))}
            </ul>
          )}
        </Pages>
      </Section>
    </>
  );
}
