import { conditionWords } from "@latchkey/core/flags/words";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queries } from "../../api/queries.ts";
import type { FlagSegment } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import { DeleteSegment, SegmentForm } from "./SegmentForm.tsx";

type Asked =
  | { readonly kind: "set"; readonly segment: FlagSegment | null }
  | { readonly kind: "delete"; readonly segment: FlagSegment };
const titleOf = ({ kind, segment }: Asked): string =>
  kind === "delete" ? `Delete ${segment.key}?` : segment === null ? "New segment" : `Change ${segment.key}`;

/** Named conditions, and the flags that name them. */
export function Segments({ mayWrite }: { mayWrite: boolean }) {
  const q = useQuery(queries.flagSegments());
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = (): void => setAsked(null);
  const others = (q.data?.items ?? []).map((one) => one.key);
  return (
    <Section
      title="Segments"
      note="named conditions that flags share"
      flush
      actions={
        mayWrite && (
          <Button size="small" onClick={() => setAsked({ kind: "set", segment: null })}>
            New segment
          </Button>
        )
      }
    >
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
            <li key={segment.key} className="flex flex-wrap items-start gap-x-4 gap-y-2 px-4 py-2.5">
              <div className="min-w-0 flex-1 basis-64">
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
              </div>
              {mayWrite && (
                <div className="flex gap-2">
                  <Button
                    size="small"
                    aria-label={`Change the segment ${segment.key}`}
                    onClick={() => setAsked({ kind: "set", segment })}
                  >
                    Change…
                  </Button>
                  {segment.usedBy.length === 0 && (
                    <Button
                      size="small"
                      aria-label={`Delete the segment ${segment.key}`}
                      onClick={() => setAsked({ kind: "delete", segment })}
                    >
                      Delete…
                    </Button>
                  )}
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
      <Dialog
        open={asked !== null}
        onClose={close}
        title={asked ? titleOf(asked) : ""}
        wide={asked?.kind === "set"}
        description={asked?.kind === "delete" ? "No flag names it." : "All flags that name it answer by it at once."}
      >
        {asked?.kind === "set" && (
          <SegmentForm
            segment={asked.segment}
            others={others.filter((key) => key !== asked.segment?.key)}
            onClose={close}
          />
        )}
        {asked?.kind === "delete" && <DeleteSegment segment={asked.segment.key} onClose={close} />}
      </Dialog>
    </Section>
  );
}
