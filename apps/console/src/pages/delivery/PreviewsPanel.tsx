import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Preview } from "../../api/types.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field, Input, ReasonField } from "../../ui/Form.tsx";
import { moment } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel } from "../../ui/States.tsx";
import { Ago, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

const TONES: Readonly<Record<Preview["state"], Tone>> = {
  waiting: "calm",
  building: "live",
  ready: "good",
  failed: "bad",
  ended: "calm",
};
const DAY_MS = 86_400_000;
const DAYS_MAX = 90;

type Asked = { readonly preview: Preview; readonly what: "keep" | "remove" };

/** The pull requests of a service that have an environment of their own. Nothing where there is none. */
export function PreviewsPanel({ service, mayAct }: { service: string; mayAct: boolean }) {
  const q = useQuery(queries.previews(service));
  const [asked, setAsked] = useState<Asked | null>(null);
  if (q.error) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  const items = (q.data?.items ?? []).filter((preview) => preview.state !== "ended");
  if (items.length === 0) return null;
  return (
    <Section title="Previews" note="an environment for each pull request" flush>
      <ul className="m-0 list-none divide-y divide-line p-0">
        {items.map((preview) => (
          <Row key={preview.name} preview={preview} mayAct={mayAct} ask={setAsked} />
        ))}
      </ul>
      <Dialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={asked ? `${asked.what === "keep" ? "Keep" : "Remove"} ${asked.preview.name}` : ""}
        description={
          asked?.what === "keep"
            ? "It stays that long from now, unless its pull request is closed."
            : "Its processes and its database go. A newer commit brings it back."
        }
      >
        {asked && <Ask asked={asked} onClose={() => setAsked(null)} />}
      </Dialog>
    </Section>
  );
}

function Row({ preview: p, mayAct, ask }: { preview: Preview; mayAct: boolean; ask: (asked: Asked) => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          {p.address ? (
            <a href={p.address} className="link font-medium" rel="noreferrer">
              #{p.pullRequest}
            </a>
          ) : (
            <span className="font-medium">#{p.pullRequest}</span>
          )}
          <Badge tone={TONES[p.state]}>{p.state}</Badge>
          <span className="min-w-0 text-xs break-all text-muted">
            {p.branch} <Mono>{(p.servingCommit ?? p.commit).slice(0, 8)}</Mono>
          </span>
        </span>
        <span className="block text-xs break-words text-soft">{p.words}</span>
        <span className="block text-xs text-muted">
          Since <Ago at={p.createdAt} />, until {moment(p.endsAt)}.
        </span>
      </div>
      {mayAct && (
        <div className="flex gap-2">
          <Button
            size="small"
            onClick={() => ask({ preview: p, what: "keep" })}
            aria-label={`Keep ${p.name} for longer`}
          >
            Keep
          </Button>
          <Button
            size="small"
            kind="danger"
            onClick={() => ask({ preview: p, what: "remove" })}
            aria-label={`Remove ${p.name}`}
          >
            Remove
          </Button>
        </div>
      )}
    </li>
  );
}

function Ask({ asked: { preview: p, what }, onClose }: { asked: Asked; onClose: () => void }) {
  const client = useQueryClient();
  const [days, setDays] = useState(3);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const params = { project, service: p.service, pullRequest: String(p.pullRequest) };
  const act = useMutation({
    mutationFn: () =>
      what === "keep"
        ? api.keepPreview({ params, body: { forMs: Math.round(days * DAY_MS), reason: reason.trim() } })
        : api.removePreview({ params, body: { reason: reason.trim() } }),
    onSuccess: async () => {
      toast.done(what === "keep" ? "Kept" : "Removed", p.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.previews(p.service) });
    },
  });
  const badDays = what === "keep" && !(days > 0 && days <= DAYS_MAX);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (reason.trim() !== "" && !badDays) act.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      {what === "keep" && (
        <Field label="Days from now" error={tried && badDays ? `More than 0, at most ${DAYS_MAX}.` : undefined}>
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
      )}
      <ReasonField value={reason} onChange={setReason} maxLength={300} asked={tried} />
      {act.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(act.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={what === "keep" ? "primary" : "danger"} busy={act.isPending}>
          {what === "keep" ? "Keep it" : "Remove it"}
        </Button>
      </div>
    </form>
  );
}
