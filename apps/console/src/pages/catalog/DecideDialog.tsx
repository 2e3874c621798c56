import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Approval } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field, Textarea } from "../../ui/Form.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";

type Choice = "approve" | "reject";
const WORDS = {
  approve: { title: "Approve this?", verb: "Approve", done: "Approved" },
  reject: { title: "Reject this?", verb: "Reject", done: "Rejected" },
} as const;

/** Asks for the reason, which the ledger keeps with the name. */
export function DecideDialog(o: { approvalId: string | undefined; choice: Choice | undefined; onClose: () => void }) {
  const { approvalId = "", choice = "approve" } = o;
  const isOpen = approvalId !== "" && o.choice !== undefined;
  const approval = useQuery({ ...queries.approval(approvalId), enabled: isOpen });
  return (
    <Dialog
      open={isOpen}
      onClose={o.onClose}
      title={WORDS[choice].title}
      description={approval.data?.words ?? "What is asked."}
    >
      {approval.data ? (
        <Ask key={`${approvalId} ${choice}`} approval={approval.data} choice={choice} onClose={o.onClose} />
      ) : approval.error ? (
        <ErrorPanel error={approval.error} retry={() => void approval.refetch()} />
      ) : (
        <Skeleton rows={2} />
      )}
    </Dialog>
  );
}

function Ask({ approval: a, choice, onClose }: { approval: Approval; choice: Choice; onClose: () => void }) {
  const words = WORDS[choice];
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const client = useQueryClient();
  const decide = useMutation({
    mutationFn: () =>
      api.decideApproval({
        params: { project, approvalId: a.id },
        body: { choice, reason: reason.trim(), via: "console" },
      }),
    onSuccess: async () => {
      toast.done(words.done, a.words);
      onClose();
      await client.invalidateQueries({ queryKey: keys.approvals });
    },
  });
  if (a.whyNot !== null)
    return (
      <>
        <p className="m-0 text-soft">{a.whyNot}</p>
        <div className="mt-4 flex justify-end">
          <Button onClick={onClose}>Close</Button>
        </div>
      </>
    );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (reason.trim() !== "") decide.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field
        label="Reason"
        hint={
          choice === "reject"
            ? "One rejection ends it: the deployment fails. Goes into the ledger with your name."
            : "Goes into the ledger with your name."
        }
        error={tried && reason.trim() === "" ? "Say why: the ledger keeps it." : undefined}
      >
        {(ids) => (
          <Textarea {...ids} value={reason} maxLength={500} required onChange={(e) => setReason(e.target.value)} />
        )}
      </Field>
      {decide.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(decide.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={choice === "approve" ? "primary" : "danger"} busy={decide.isPending}>
          {words.verb}
        </Button>
      </div>
    </form>
  );
}
