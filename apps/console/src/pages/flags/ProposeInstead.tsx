import { ApiError } from "@latchkey/api/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { FlagProposal } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { toast } from "../../ui/Toasts.tsx";

/** A change that somebody else agrees to: of a flag, or of a segment. */
export type Proposable =
  | { readonly flag: string; readonly change: Parameters<typeof api.proposeFlagChange>[0]["body"]["change"] }
  | { readonly segment: string; readonly change: Parameters<typeof api.proposeFlagSegmentChange>[0]["body"]["change"] };

/** Proposes a change, for somebody else to agree to. */
export function usePropose(onDone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ of, ...asked }: { of: Proposable; reason: string }): Promise<FlagProposal> => {
      const reason = asked.reason.trim();
      return "flag" in of
        ? api.proposeFlagChange({ params: { project, flag: of.flag }, body: { change: of.change, reason } })
        : api.proposeFlagSegmentChange({
            params: { project, segment: of.segment },
            body: { change: of.change, reason },
          });
    },
    onSuccess: async (made) => {
      toast.done("Proposed", `${nameOf(made)}: it holds once somebody else agrees`);
      onDone();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
}
/** What a proposal is of, as it is called in a sentence. */
export const nameOf = (of: Pick<FlagProposal, "flag" | "segment">): string => of.flag ?? `segment ${of.segment ?? ""}`;

/** Why a change was refused; where a second person has to agree, it is proposed from here. */
export function Refusal(o: { error: unknown; of: Proposable; reason: string; onDone: () => void }) {
  const propose = usePropose(o.onDone);
  const forTwo =
    o.error instanceof ApiError && o.error.problem.code === "LK_FLAG_APPROVAL" ? o.error.problem.detail : null;
  return (
    <div role="alert" className={`rounded-md px-3 py-2 ${forTwo ? "bg-warn-soft text-warn" : "bg-bad-soft text-bad"}`}>
      <p className="m-0">{forTwo ?? wordsOf(o.error)}</p>
      {forTwo && (
        <div className="mt-2">
          <Button
            kind="primary"
            busy={propose.isPending}
            onClick={() => propose.mutate({ of: o.of, reason: o.reason })}
          >
            Propose it
          </Button>
          {propose.error && <p className="mt-2 mb-0 text-bad">{wordsOf(propose.error)}</p>}
        </div>
      )}
    </div>
  );
}
