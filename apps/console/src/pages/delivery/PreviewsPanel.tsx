import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
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
/** What a person reads it by: the number of its pull request, or its own name. */
const calledOf = (preview: Preview): string =>
  preview.pullRequest === null ? preview.name : `#${preview.pullRequest}`;

/** The pull requests and branches of a service that have an environment of their own. Nothing where it has no previews. */
export function PreviewsPanel({ service, isOn, mayAct }: { service: string; isOn: boolean; mayAct: boolean }) {
  const q = useQuery(queries.previews(service));
  const [asked, setAsked] = useState<Asked | "new" | null>(null);
  if (q.error) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  const items = (q.data?.items ?? []).filter((preview) => preview.state !== "ended");
  if (items.length === 0 && !isOn) return null;
  const close = () => setAsked(null);
  return (
    <Section
      title="Previews"
      note="an environment for each pull request"
      flush={items.length > 0}
      actions={
        mayAct &&
        isOn && (
          <Button size="small" onClick={() => setAsked("new")}>
            New preview
          </Button>
        )
      }
    >
      {items.length === 0 ? (
        <p className="m-0 text-xs text-soft">
          {q.data ? "There are none. A pull request to the branch gets one when it is opened." : "Looking for them."}
        </p>
      ) : (
        <ul aria-label="Previews" className="m-0 list-none divide-y divide-line p-0">
          {items.map((preview) => (
            <Row key={preview.name} preview={preview} mayAct={mayAct} ask={setAsked} />
          ))}
        </ul>
      )}
      <Dialog
        open={asked === "new"}
        onClose={close}
        title="New preview"
        description="Of a branch's newest commit, or of an older one, without a pull request."
      >
        {asked === "new" && <Create service={service} onClose={close} />}
      </Dialog>
      <Dialog
        open={asked !== null && asked !== "new"}
        onClose={close}
        title={asked && asked !== "new" ? `${asked.what === "keep" ? "Keep" : "Remove"} ${asked.preview.name}` : ""}
        description={asked && asked !== "new" ? wordsFor(asked) : ""}
      >
        {asked && asked !== "new" && <Ask asked={asked} onClose={close} />}
      </Dialog>
    </Section>
  );
}

function wordsFor({ what, preview: { pullRequest } }: Asked): string {
  if (what === "keep")
    return pullRequest === null
      ? "It stays that long from now."
      : "It stays that long from now, unless its pull request is closed.";
  return `Its processes and its database go.${pullRequest === null ? "" : " A newer commit brings it back."}`;
}

function Row({ preview: p, mayAct, ask }: { preview: Preview; mayAct: boolean; ask: (asked: Asked) => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          {p.address ? (
            <a href={p.address} className="link font-medium" rel="noreferrer">
              {calledOf(p)}
            </a>
          ) : (
            <span className="font-medium">{calledOf(p)}</span>
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

function Create({ service, onClose }: { service: string; onClose: () => void }) {
  const client = useQueryClient();
  const [branch, setBranch] = useState("");
  const [commit, setCommit] = useState("");
  const [tried, setTried] = useState(false);
  const act = useMutation({
    mutationFn: () => {
      const body = { branch: branch.trim(), ...(commit.trim() === "" ? {} : { commit: commit.trim() }) };
      return api.createPreview({ params: { project, service }, body });
    },
    onSuccess: async (made) => {
      toast.done("Asked for", made.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.previews(service) });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (branch.trim() !== "") act.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Branch" error={tried && branch.trim() === "" ? "Name a branch of the repository." : undefined}>
        {(ids) => <Input {...ids} value={branch} autoComplete="off" onChange={(e) => setBranch(e.target.value)} />}
      </Field>
      <Field label="Commit" hint="In the branch's history; its newest when left empty.">
        {(ids) => <Input {...ids} value={commit} autoComplete="off" onChange={(e) => setCommit(e.target.value)} />}
      </Field>
      <Foot error={act.error} onClose={onClose}>
        <Button type="submit" kind="primary" busy={act.isPending}>
          Make it
        </Button>
      </Foot>
    </form>
  );
}

function Foot({ error, onClose, children }: { error: unknown; onClose: () => void; children: ReactNode }) {
  return (
    <>
      {error != null && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        {children}
      </div>
    </>
  );
}

function Ask({ asked: { preview: p, what }, onClose }: { asked: Asked; onClose: () => void }) {
  const client = useQueryClient();
  const [days, setDays] = useState(3);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const params = { project, service: p.service, preview: p.name };
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
      <Foot error={act.error} onClose={onClose}>
        <Button type="submit" kind={what === "keep" ? "primary" : "danger"} busy={act.isPending}>
          {what === "keep" ? "Keep it" : "Remove it"}
        </Button>
      </Foot>
    </form>
  );
}
