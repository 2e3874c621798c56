import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { Gate } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Textarea } from "../../ui/Form.tsx";
import { toast } from "../../ui/Toasts.tsx";

const DAYS_MAX = 90;
const DAY_MS = 86_400_000;

/** Who waives says why and until when; and says so expressly where nothing was checked at all. */
export function WaiveForm({ service, gate, onClose }: { service: string; gate: Gate; onClose: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [days, setDays] = useState(1);
  const [unchecked, setUnchecked] = useState(false);
  const [tried, setTried] = useState(false);
  const hasChecked = gate.status === "failed";
  const badDays = !Number.isInteger(days) || days < 1 || days > DAYS_MAX;
  const waive = useMutation({
    mutationFn: () => {
      // A minute less, so that the server's clock may be behind.
      const until = new Date(Date.now() + days * DAY_MS - 60_000).toISOString();
      const body = { gate: gate.name, reason: reason.trim(), until, couldNotRun: unchecked };
      return api.createWaiver({ params: { project, service }, body });
    },
    onSuccess: async () => {
      toast.done(
        "Waived",
        gate.status === "pending" ? `“${gate.name}” is waited for no more.` : "Ship again to go on.",
      );
      onClose();
      await client.invalidateQueries({ queryKey: keys.waivers(service) });
      await client.invalidateQueries({ queryKey: ["deployment"] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (reason.trim() && !badDays && (hasChecked || unchecked)) waive.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Reason" error={tried && !reason.trim() ? "Say why." : undefined}>
        {(ids) => (
          <Textarea {...ids} value={reason} maxLength={500} required onChange={(e) => setReason(e.target.value)} />
        )}
      </Field>
      <Field label="Days until it ends" error={tried && badDays ? `1 to ${DAYS_MAX} days.` : undefined}>
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            max={DAYS_MAX}
            value={days}
            onChange={(e) => setDays(e.target.valueAsNumber)}
          />
        )}
      </Field>
      {!hasChecked && (
        <div>
          <label className="flex items-start gap-2">
            <input
              type="checkbox"
              className="mt-1"
              checked={unchecked}
              onChange={(e) => setUnchecked(e.target.checked)}
            />
            <span>Although nothing was checked: this gate has given no answer.</span>
          </label>
          {tried && !unchecked && (
            <p role="alert" className="m-0 mt-1 text-bad">
              Without this the waiver would not hold for a gate that has checked nothing.
            </p>
          )}
        </div>
      )}
      {waive.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(waive.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={waive.isPending}>
          Waive it
        </Button>
      </div>
    </form>
  );
}
