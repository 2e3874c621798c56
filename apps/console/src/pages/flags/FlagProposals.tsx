import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, project } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { FlagProposal } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Pages } from "../../ui/Pages.tsx";
import { ReasonForm } from "../../ui/ReasonForm.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { FlagChanges } from "./FlagChanges.tsx";
import { nameOf } from "./ProposeInstead.tsx";

type Decision = "approve" | "reject" | "withdraw";
const VERBS: Record<Decision, string> = { approve: "Agree", reject: "Reject", withdraw: "Withdraw" };
const DONE: Record<Decision, string> = { approve: "It holds now", reject: "Rejected", withdraw: "Withdrawn" };

function Decide({
  proposal: p,
  decision,
  onClose,
}: {
  proposal: FlagProposal;
  decision: Decision;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: (reason: string) =>
      api.decideFlagProposal({ params: { project, proposal: p.id }, body: { decision, reason } }),
    onSuccess: async () => {
      toast.done(DONE[decision], nameOf(p));
      onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  return (
    <ReasonForm
      press={VERBS[decision]}
      kind={decision === "approve" ? "primary" : "danger"}
      busy={decide.isPending}
      error={decide.error}
      onCancel={onClose}
      onSubmit={(reason) => decide.mutate(reason)}
    >
      <FlagChanges changes={p.changes} most={50} />
      <FlagsChanged proposal={p} />
      <TakesEffect proposal={p} most={200} />
    </ReasonForm>
  );
}

/** What holds once a flag is turned on: nobody else has read it, where it was made while it was off. */
function TakesEffect({ proposal: { takesEffect }, most }: { proposal: FlagProposal; most: number }) {
  if (takesEffect.length === 0) return null;
  return (
    <>
      <span className="block text-xs font-medium">What holds with it:</span>
      <FlagChanges changes={takesEffect} most={most} />
    </>
  );
}

/** The flags that answer otherwise with another segment, and where. */
function FlagsChanged({ proposal: { segment, flagsChanged } }: { proposal: FlagProposal }) {
  if (segment === null) return null;
  if (flagsChanged.length === 0) return <span className="block text-xs text-muted">No flag names it.</span>;
  return (
    <>
      <span className="block text-xs font-medium">Flags that answer by it:</span>
      <ul className="m-0 list-none p-0 text-xs">
        {flagsChanged.map(({ flag, environments }) => (
          <li key={flag}>
            <A href={to.flag(flag)}>{flag}</A> <span className="text-muted">in {environments.join(", ")}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/**
 * Changes of flags and segments that wait for a second person: of one flag, or of all. Nothing is shown of one flag while none waits, and
 * of all while none waits and no environment needs a second person.
 */
export function FlagProposals({ flag }: { flag?: string }) {
  const q = useInfiniteQuery(queries.flagProposals(flag));
  const me = useQuery(queries.me());
  const [asked, setAsked] = useState<{ proposal: FlagProposal; decision: Decision } | null>(null);
  const mayWrite = me.data !== undefined && me.data.principal.role !== "viewer";
  const close = (): void => setAsked(null);
  const places = useQuery({ ...queries.flagEnvironments(), enabled: flag === undefined });
  const isAsked = flag === undefined && (places.data?.items.some((one) => one.needsApproval) ?? false);
  if (!isAsked && !q.data?.pages.some((page) => page.items.length > 0)) return null;
  const ask = (proposal: FlagProposal, decision: Decision) => (
    <Button
      size="small"
      kind={decision === "approve" ? "primary" : "plain"}
      aria-label={`${VERBS[decision]}: ${nameOf(proposal)}, by ${proposal.proposedBy}`}
      onClick={() => setAsked({ proposal, decision })}
    >
      {VERBS[decision]}
    </Button>
  );
  return (
    <Section title={flag === undefined ? "Changes of flags" : "Waits for a second person"} flush>
      <Pages query={q} empty={<Empty title="No change of a flag waits" />}>
        {(items) => (
          <ul className="m-0 list-none divide-y divide-line p-0">
            {items.map((p) => (
              <li key={p.id} className="flex flex-wrap items-start gap-x-4 gap-y-2 px-4 py-3">
                <div className="min-w-0 flex-1 basis-64">
                  <span className="font-medium">
                    {flag === undefined && (p.flag === null ? nameOf(p) : <A href={to.flag(p.flag)}>{p.flag}</A>)}{" "}
                    {p.reason}
                  </span>
                  <span className="block text-xs text-muted">
                    proposed by {p.isOwn ? "you" : p.proposedBy} <Ago at={p.createdAt} />
                  </span>
                  <FlagChanges changes={p.changes} most={8} />
                  <FlagsChanged proposal={p} />
                  <TakesEffect proposal={p} most={8} />
                </div>
                {mayWrite && (
                  <div className="flex gap-2">
                    {p.isOwn ? (
                      ask(p, "withdraw")
                    ) : (
                      <>
                        {ask(p, "reject")}
                        {ask(p, "approve")}
                      </>
                    )}
                  </div>
                )}
              </li>
            ))}
          </ul>
        )}
      </Pages>
      <Dialog
        open={asked !== null}
        onClose={close}
        title={asked ? `${VERBS[asked.decision]}: ${nameOf(asked.proposal)}` : ""}
        description={
          asked?.decision === "approve"
            ? "It holds at once, as the change of both of you."
            : "Nothing changes, and it no longer waits."
        }
      >
        {asked && <Decide {...asked} onClose={close} />}
      </Dialog>
    </Section>
  );
}
