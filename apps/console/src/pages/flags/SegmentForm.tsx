import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, project } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { FlagSegment } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input } from "../../ui/Form.tsx";
import { Alert, ReasonForm } from "../../ui/ReasonForm.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { ConditionEditor } from "./edit/ConditionEditor.tsx";
import { NEW_CONDITION } from "./edit/draft.ts";
import { Refusal } from "./ProposeInstead.tsx";

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A new segment, or another condition for one. Where a second person has to agree, it is proposed from here. */
export function SegmentForm(o: {
  segment: FlagSegment | null;
  /** The keys of the others, which its condition may name. */
  others: readonly string[];
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [key, setKey] = useState(o.segment?.key ?? "");
  const [description, setDescription] = useState(o.segment?.description ?? "");
  const [when, setWhen] = useState(o.segment?.when ?? { kind: "all" as const, of: [NEW_CONDITION] });
  const [tried, setTried] = useState(false);
  const isBad = !KEY.test(key);
  const save = useMutation({
    mutationFn: (reason: string) =>
      api.putFlagSegment({ params: { project, segment: key }, body: { description, when, reason } }),
    onSuccess: async () => {
      toast.done("Saved", `segment ${key}`);
      o.onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  const submit = (reason: string): void => {
    setTried(true);
    if (!isBad) save.mutate(reason);
  };
  return (
    <ReasonForm
      press="Save"
      busy={save.isPending}
      error={save.error}
      refusal={(error, reason) => (
        <Refusal
          error={error}
          of={{ segment: key, change: { kind: "set_segment", description, when } }}
          reason={reason}
          onDone={o.onClose}
        />
      )}
      onCancel={o.onClose}
      onSubmit={submit}
    >
      {o.segment === null && (
        <Field
          label="Key"
          hint="What rules call it."
          error={tried && isBad ? "Letters, digits and . _ -, such as investors-abroad." : undefined}
        >
          {(ids) => <Input {...ids} value={key} maxLength={100} onChange={(e) => setKey(e.target.value)} />}
        </Field>
      )}
      <Field label="Who that is">
        {(ids) => (
          <Input {...ids} value={description} maxLength={1_000} onChange={(e) => setDescription(e.target.value)} />
        )}
      </Field>
      <ConditionEditor when={when} name="the segment" segments={o.others} onChange={setWhen} />
    </ReasonForm>
  );
}

/** Deletes a segment that no flag names. */
export function DeleteSegment({ segment, onClose }: { segment: string; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.deleteFlagSegment({ params: { project, segment } }),
    onSuccess: async () => {
      toast.done("Deleted", `segment ${segment}`);
      onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  return (
    <div className="flex flex-col gap-4">
      {remove.error && <Alert error={remove.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          Delete it
        </Button>
      </div>
    </div>
  );
}
