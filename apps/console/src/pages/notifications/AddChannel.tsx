import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { ApiError, api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Button } from "../../ui/Button.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";
import { CopyButton, Mono } from "../../ui/Text.tsx";
import {
  type ChannelField,
  type ChannelKind,
  EMPTY_FORM,
  FIELDS,
  fieldOf,
  mistakes,
  targetOf,
} from "./channel-form.ts";

const KINDS = [
  { value: "bot", label: "Chat, by a bot", words: "One message per rollout, which is updated." },
  { value: "slack", label: "Chat, by an incoming webhook", words: "The first and the last message of a rollout." },
  { value: "webhook", label: "Webhook", words: "Signed CloudEvents, for a program." },
  { value: "email", label: "Mail", words: "By SMTP, one thread per rollout." },
] as const;

const LABELS: Readonly<Record<ChannelField, readonly [label: string, hint: string, type?: string]>> = {
  name: ["Name", "What the channel is for: “deployments”."],
  url: ["Address", "https, or this machine. It gets a POST for each event."],
  webhookUrl: ["Address of the incoming webhook", "The chat gave it. Whoever has it can write there.", "password"],
  token: ["Bot token", "Begins with xoxb-; it needs chat:write.", "password"],
  conversation: ["Channel", "Such as #deployments. The bot must be in it."],
  host: ["Mail server", "Such as smtp.example.com."],
  port: ["Port", "587 with STARTTLS, 465 with TLS.", "number"],
  from: ["Sender", "latchkey@example.com"],
  to: ["To", "Up to 20 addresses, with commas."],
  user: ["User", "Where the server asks for one."],
  password: ["Password", "", "password"],
};

/** A secret that is shown now and never again. */
export function ShownOnce({ secret, onClose, children }: { secret: string; onClose: () => void; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="m-0">
        {children} It is shown now and never again: put it where signatures are verified.
      </p>
      <div className="flex items-center gap-2 rounded-md border border-line-strong bg-sunken py-2 pr-2 pl-3">
        <Mono className="min-w-0 flex-1 break-all">{secret}</Mono>
        <CopyButton text={secret} label="Copy the secret" />
      </div>
      <div className="flex justify-end">
        <Button kind="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  );
}

/** Adds it and sends a test message: whether it arrives is part of adding it. */
export function AddChannel({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<ChannelKind>("bot");
  const [form, setForm] = useState(EMPTY_FORM);
  const [tried, setTried] = useState(false);
  const add = useMutation({
    mutationFn: async () => {
      const body = { name: form.name.trim(), target: targetOf(kind, form) };
      const made = await api.createNotificationChannel({ params: { project }, body });
      const test = await api
        .testNotificationChannel({ params: { project, channelId: made.channel.id } })
        .catch((error: unknown) => ({ arrived: false, words: wordsOf(error) }));
      return { ...made, test };
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.notifications }),
  });
  const wrong = mistakes(kind, form);
  const refused = add.error instanceof ApiError ? (add.error.problem.fields ?? []) : [];
  const errorOf = (field: ChannelField): string | undefined =>
    tried && wrong.includes(field)
      ? field === "port"
        ? "1 to 65535."
        : "This is needed."
      : refused.find((one) => fieldOf(one.field) === field)?.message;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (wrong.length === 0) add.mutate();
  };
  if (add.data) return <Added made={add.data} onClose={onClose} />;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Choices legend="Kind" value={kind} onChange={setKind} options={KINDS} columns />
      {(["name", ...FIELDS[kind]] as const).map((field) => {
        const [label, hint, type] = LABELS[field];
        return (
          <Field key={field} label={label} hint={hint} error={errorOf(field)}>
            {(ids) => (
              <Input
                {...ids}
                type={type ?? "text"}
                value={form[field]}
                maxLength={2_000}
                autoComplete="off"
                onChange={(e) => setForm({ ...form, [field]: e.target.value })}
              />
            )}
          </Field>
        );
      })}
      {add.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(add.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={add.isPending}>
          Add it and send a test
        </Button>
      </div>
    </form>
  );
}

function Added(o: {
  made: Awaited<ReturnType<typeof api.createNotificationChannel>> & { test: { arrived: boolean; words: string } };
  onClose: () => void;
}) {
  const { channel, signingSecret, rule, test } = o.made;
  const words = (
    <>
      {test.arrived ? "The test message arrived." : `The test message did not arrive: ${test.words}`}
      {rule && ` The rule “${rule.name}” goes with it.`}
    </>
  );
  if (signingSecret)
    return (
      <ShownOnce secret={signingSecret} onClose={o.onClose}>
        {words} This is the signing secret of “{channel.name}”.
      </ShownOnce>
    );
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className={`m-0 ${test.arrived ? "" : "text-bad"}`}>
        {words}
      </p>
      <div className="flex justify-end">
        <Button kind="primary" onClick={o.onClose}>
          Close
        </Button>
      </div>
    </div>
  );
}
