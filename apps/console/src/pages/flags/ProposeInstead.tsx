import { ApiError } from "@latchkey/api/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { FlagProposal } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { toast } from "../../ui/Toasts.tsx";

export type FlagChange = Parameters<typeof api.proposeFlagChange>[0]["body"]["change"];

/** Proposes a change of a flag, for somebody else to agree to. */
export function usePropose(flag: string, onDone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (o: { change: FlagChange; reason: string }): Promise<FlagProposal> =>
      api.proposeFlagChange({ params: { project, flag }, body: { change: o.change, reason: o.reason.trim() } }),
    onSuccess: async () => {
      toast.done("Proposed", `${flag}: it holds once somebody else agrees`);
      onDone();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
}

/** Why a change was refused; where a second person has to agree, it is proposed from here. */
export function Refusal(o: { error: unknown; flag: string; change: FlagChange; reason: string; onDone: () => void }) {
  const propose = usePropose(o.flag, o.onDone);
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
            onClick={() => propose.mutate({ change: o.change, reason: o.reason })}
          >
            Propose it
          </Button>
          {propose.error && <p className="mt-2 mb-0 text-bad">{wordsOf(propose.error)}</p>}
        </div>
      )}
    </div>
  );
}
