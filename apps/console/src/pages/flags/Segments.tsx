import { conditionWords } from "@latchkey/core/flags/words";
import { useQuery } from "@tanstack/react-query";
import { queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";

/** Named conditions, and the flags that name them. */
export function Segments() {
  const q = useQuery(queries.flagSegments());
  return (
    <Section title="Segments" note="named conditions that flags share" flush>
      {q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : !q.data ? (
        <Skeleton rows={1} />
      ) : q.data.items.length === 0 ? (
        <Empty title="No segments">
          “Investors abroad” or “our own people” is written once, and named by as many flags as need it.
        </Empty>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {q.data.items.map((segment) => (
            <li key={segment.key} className="px-4 py-2.5">
              <span className="flex flex-wrap items-baseline gap-x-2">
                <Mono className="font-medium">{segment.key}</Mono>
                <span className="text-xs text-muted">{segment.description}</span>
              </span>
              <span className="block text-xs break-words text-soft">{conditionWords(segment.when)}</span>
              <span className="flex flex-wrap gap-x-2 text-xs text-muted">
                {segment.usedBy.length === 0 ? "no flag names it" : "named by"}
                {segment.usedBy.map((flag) => (
                  <A key={flag} href={to.flag(flag)}>
                    {flag}
                  </A>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
