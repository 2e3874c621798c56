import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { queries } from "../../api/queries.ts";
import type { Approval } from "../../api/types.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { sentence } from "../../ui/format.ts";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Ago } from "../../ui/Text.tsx";
import { ApprovalAbout } from "./ApprovalAbout.tsx";
import { DecideDialog } from "./DecideDialog.tsx";
import { Freezes } from "./Freezes.tsx";

const TONES: Record<Approval["state"], Tone> = {
  waiting: "warn",
  approved: "good",
  rejected: "bad",
  withdrawn: "calm",
  expired: "bad",
};

/** "needs 2 approvals by sre or lead" */
function needs(a: Approval): string {
  const by = a.roles.length > 0 ? a.roles.join(" or ") : "an owner or a deployer";
  return `needs ${a.needed === 1 ? "an approval" : `${a.needed} approvals`} by ${by}`;
}

function Voices({ approval: a }: { approval: Approval }) {
  if (a.voices.length === 0) return null;
  return (
    <ul className="m-0 mt-1 list-none p-0 text-xs text-soft">
      {a.voices.map((voice) => (
        <li key={`${voice.person} ${voice.at}`} className="break-words">
          <span className="font-medium">{voice.person}</span> {voice.choice === "approve" ? "approved" : "rejected"} (
          {voice.via}) <Ago at={voice.at} />: {voice.reason}
        </li>
      ))}
    </ul>
  );
}

interface RowProps {
  readonly approval: Approval;
  readonly isOpen: boolean;
  readonly onToggle: (isOpen: boolean) => void;
  readonly onAsk: (choice: "approve" | "reject") => void;
}

function Row({ approval: a, isOpen, onToggle, onAsk }: RowProps) {
  return (
    <li className="px-4 py-3">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-64">
          <span className="flex flex-wrap items-center gap-2">
            <Badge tone={TONES[a.state]}>{sentence(a.state)}</Badge>
            <span className="min-w-0 font-medium break-words">{a.words}</span>
          </span>
          <span className="mt-0.5 block text-xs text-muted">
            gate {a.gate}, asked by {a.askedBy} <Ago at={a.createdAt} />, {needs(a)}
          </span>
          <Voices approval={a} />
          {a.state === "waiting" && a.whyNot && <p className="m-0 mt-1 text-xs text-soft">{a.whyNot}</p>}
        </div>
        {a.state === "waiting" && a.whyNot === null && (
          <div className="flex gap-2">
            <Button kind="danger" onClick={() => onAsk("reject")} aria-label={`Reject: ${a.words}`}>
              Reject
            </Button>
            <Button kind="primary" onClick={() => onAsk("approve")} aria-label={`Approve: ${a.words}`}>
              Approve
            </Button>
          </div>
        )}
      </div>
      <details className="mt-2" open={isOpen} onToggle={(event) => onToggle(event.currentTarget.open)}>
        <summary className="w-fit cursor-pointer rounded text-xs text-soft hover:text-ink">What goes out</summary>
        {isOpen && <ApprovalAbout subject={a.subject} />}
      </details>
    </li>
  );
}

/** What waits for people, what they said before, and the times in which nothing goes out. */
export function ApprovalsPage() {
  const waiting = useQuery(queries.waitingApprovals());
  const all = useInfiniteQuery(queries.approvals());
  const { approval: chosen, ask } = useSearch({ from: "/shell/approvals" });
  const navigate = useNavigate({ from: "/approvals" });
  const go = (search: { approval?: string; ask?: "approve" | "reject" }): void =>
    void navigate({ search, replace: true, resetScroll: false });
  const past = (all.data?.pages ?? []).flatMap((page) => page.items).filter((a) => a.state !== "waiting");
  const rows = (items: readonly Approval[]) => (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {items.map((a) => (
        <Row
          key={a.id}
          approval={a}
          isOpen={chosen === a.id}
          onToggle={(isOpen) => {
            if (isOpen !== (chosen === a.id)) go(isOpen ? { approval: a.id } : {});
          }}
          onAsk={(choice) => go({ approval: a.id, ask: choice })}
        />
      ))}
    </ul>
  );
  return (
    <>
      <PageHead
        title="Approvals"
        lead="What must be seen by a second person before it goes out. Whoever wrote a change, or asked for it, can't approve it."
      />
      <div className="flex flex-col gap-6">
        <Section title="Waiting" flush>
          {waiting.data ? (
            waiting.data.items.length > 0 ? (
              rows(waiting.data.items)
            ) : (
              <Empty title="Nothing waits">
                A gate of kind “approval” in a service's configuration asks here before a release goes out.
              </Empty>
            )
          ) : waiting.error ? (
            <ErrorPanel error={waiting.error} retry={() => void waiting.refetch()} />
          ) : (
            <Skeleton rows={3} />
          )}
        </Section>
        <Freezes />
        <Section title="Decided" note="newest first" flush>
          {all.data ? (
            past.length > 0 ? (
              rows(past)
            ) : (
              <Empty title="Nothing was decided yet" />
            )
          ) : all.error ? (
            <ErrorPanel error={all.error} retry={() => void all.refetch()} />
          ) : (
            <Skeleton rows={3} />
          )}
          {all.hasNextPage && (
            <div className="border-t border-line px-4 py-2">
              <Button size="small" busy={all.isFetchingNextPage} onClick={() => void all.fetchNextPage()}>
                Older ones
              </Button>
            </div>
          )}
        </Section>
      </div>
      <DecideDialog approvalId={ask && chosen} choice={ask} onClose={() => go({})} />
    </>
  );
}
