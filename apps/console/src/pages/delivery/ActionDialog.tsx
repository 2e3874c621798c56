import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { Rollout, RolloutAction } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ReasonField } from "../../ui/Form.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { ACTION_WORDS } from "../../words.ts";

/** Asks for the reason, says what will happen, and for what can't be taken back asks to be sure. */
export function ActionDialog(o: { rollout: Rollout; action: RolloutAction | undefined; onClose: () => void }) {
  const { action } = o;
  const words = action && ACTION_WORDS[action];
  return (
    <Dialog open={action !== undefined} onClose={o.onClose} title={words?.title ?? ""} description={words?.words ?? ""}>
      {action && <Ask key={action} rollout={o.rollout} action={action} onClose={o.onClose} />}
    </Dialog>
  );
}

function Ask({ rollout: r, action, onClose }: { rollout: Rollout; action: RolloutAction; onClose: () => void }) {
  const words = ACTION_WORDS[action];
  const [reason, setReason] = useState("");
  const [sure, setSure] = useState(false);
  const [tried, setTried] = useState(false);
  const client = useQueryClient();
  const allowed = r.allowedActions.includes(action);
  const act = useMutation({
    mutationFn: (body: { action: RolloutAction; reason: string }) =>
      api.actOnRollout({ params: { project, rolloutId: r.id }, body }),
    onSuccess: (next) => {
      client.setQueryData(keys.rollout(r.id), next);
      toast.done(words.done, `${r.service} #${r.canary.number} in ${r.environment}`);
      onClose();
    },
    onError: (error) => toast.failed(`It was not done: ${words.verb.toLowerCase()}`, wordsOf(error)),
  });
  const missing = reason.trim() === "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!missing && (!words.destructive || sure)) act.mutate({ action, reason: reason.trim() });
  };
  if (!allowed) {
    return (
      <>
        <p className="m-0 text-soft">
          This can't be done now: the rollout is {r.state.replaceAll("_", " ")}
          {r.allowedActions.length > 0 &&
            ` and allows ${r.allowedActions.map((a) => ACTION_WORDS[a].verb.toLowerCase()).join(", ")}`}
          .
        </p>
        <div className="mt-4 flex justify-end">
          <Button onClick={onClose}>Close</Button>
        </div>
      </>
    );
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <ReasonField value={reason} onChange={setReason} maxLength={500} asked={tried} />
      {words.destructive && (
        <label className="flex items-start gap-2">
          <input
            type="checkbox"
            checked={sure}
            onChange={(e) => setSure(e.target.checked)}
            className="mt-0.75 accent-(--accent)"
          />
          <span className={tried && !sure ? "text-bad" : ""}>
            I mean release #{r.canary.number} of {r.service} in {r.environment}.
          </span>
        </label>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          kind={action === "promote" || !words.destructive ? "primary" : "danger"}
          busy={act.isPending}
        >
          {words.verb}
        </Button>
      </div>
    </form>
  );
}
