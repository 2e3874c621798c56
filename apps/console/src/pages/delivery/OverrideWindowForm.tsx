import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { Button } from "../../ui/Button.tsx";
import { ReasonField } from "../../ui/Form.tsx";
import { toast } from "../../ui/Toasts.tsx";

/** An owner says why this deployment can't wait for its hours. */
export function OverrideWindowForm({ deploymentId, onClose }: { deploymentId: string; onClose: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const override = useMutation({
    mutationFn: () => api.overrideWindow({ params: { project, deploymentId }, body: { reason: reason.trim() } }),
    onSuccess: async () => {
      toast.done("It goes out", "It waits for no window any more.");
      onClose();
      await client.invalidateQueries({ queryKey: ["deployment"] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (reason.trim()) override.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <ReasonField value={reason} onChange={setReason} maxLength={300} asked={tried} />
      {override.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(override.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={override.isPending}>
          Let it out
        </Button>
      </div>
    </form>
  );
}
