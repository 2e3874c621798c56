import { type FormEvent, type ReactNode, useState } from "react";
import { wordsOf } from "../api/client.ts";
import { Button } from "./Button.tsx";
import { ReasonField } from "./Form.tsx";

/** What went wrong with what was asked for. */
export const Alert = ({ error }: { error: unknown }) => (
  <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
    {wordsOf(error)}
  </p>
);

/** Something that is done with a reason, in a dialog: it is not sent without one. */
export function ReasonForm(o: {
  press: string;
  kind?: "primary" | "danger";
  cancel?: string;
  busy: boolean;
  error: unknown;
  /** Said of a refusal instead of its own words. */
  refusal?: (error: unknown, reason: string) => ReactNode;
  onCancel: () => void;
  onSubmit: (reason: string) => void;
  /** What stands above the reason, and below it. */
  children?: ReactNode;
  note?: ReactNode;
}) {
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (reason.trim() !== "") o.onSubmit(reason.trim());
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      {o.children}
      <ReasonField value={reason} onChange={setReason} maxLength={300} asked={tried} />
      {o.note}
      {o.error ? (o.refusal?.(o.error, reason.trim()) ?? <Alert error={o.error} />) : null}
      <div className="flex justify-end gap-2">
        <Button onClick={o.onCancel}>{o.cancel ?? "Cancel"}</Button>
        <Button type="submit" kind={o.kind ?? "primary"} busy={o.busy}>
          {o.press}
        </Button>
      </div>
    </form>
  );
}
