import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Token } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";
import { day } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Ago, CopyButton, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

const ROLES = [
  { value: "viewer", label: "Viewer", words: "Reads everything, changes nothing." },
  { value: "owner", label: "Owner", words: "Ships, acts on rollouts, makes tokens." },
  { value: "deployer", label: "Deployer", words: "Ships and acts on rollouts; makes no tokens." },
  { value: "ci", label: "Pipeline", words: "Asks for deployments and reads services; decides nothing." },
  { value: "gateway", label: "Gateway", words: "Only fetches routing and reports counts." },
] as const;

function NewToken({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<(typeof ROLES)[number]["value"]>("viewer");
  const [days, setDays] = useState(90);
  const [tried, setTried] = useState(false);
  const create = useMutation({
    mutationFn: () => api.createToken({ params: { project }, body: { name: name.trim(), role, expiresInDays: days } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.tokens }),
  });
  const badDays = !Number.isInteger(days) || days < 1 || days > 365;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (name.trim() && !badDays) create.mutate();
  };
  if (create.data) return <Secret secret={create.data.secret} name={create.data.token.name} onClose={onClose} />;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field
        label="Name"
        hint="What will use it: “laptop”, “CI”."
        error={tried && !name.trim() ? "Give it a name." : undefined}
      >
        {(ids) => <Input {...ids} value={name} maxLength={80} required onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Choices legend="Role" value={role} onChange={setRole} options={ROLES} />
      <Field label="Days until it expires" error={tried && badDays ? "1 to 365 days." : undefined}>
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            max={365}
            value={days}
            onChange={(e) => setDays(e.target.valueAsNumber)}
          />
        )}
      </Field>
      {create.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(create.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={create.isPending}>
          Make the token
        </Button>
      </div>
    </form>
  );
}

function Secret({ secret, name, onClose }: { secret: string; name: string; onClose: () => void }) {
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="m-0">
        This is the secret of “{name}”. It is shown now and never again: put it where it is used.
      </p>
      <div className="flex items-center gap-2 rounded-md border border-line-strong bg-sunken py-2 pr-2 pl-3">
        <Mono className="min-w-0 flex-1 break-all">{secret}</Mono>
        <CopyButton text={secret} label="Copy the secret" />
      </div>
      <p className="m-0 text-muted">
        In a terminal: <Mono className="break-all">LATCHKEY_TOKEN=… npx latchkey services</Mono>
      </p>
      <div className="flex justify-end">
        <Button kind="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  );
}

function Revoke({ token, onClose }: { token: Token; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => api.revokeToken({ params: { project, tokenId: token.id } }),
    onSuccess: async () => {
      toast.done("Revoked", token.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.tokens });
    },
    onError: (error) => toast.failed("It was not revoked", wordsOf(error)),
  });
  return (
    <div className="flex justify-end gap-2">
      <Button onClick={onClose}>Keep it</Button>
      <Button kind="danger" busy={revoke.isPending} onClick={() => revoke.mutate()}>
        Revoke “{token.name}”
      </Button>
    </div>
  );
}

function Row({ token: t, onRevoke }: { token: Token; onRevoke: () => void }) {
  const expired = Date.parse(t.expiresAt) < useNow();
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-56">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{t.name}</span>
          <Badge tone={t.role === "owner" ? "live" : "calm"}>{t.role}</Badge>
          {expired && <Badge tone="warn">expired</Badge>}
        </span>
        <span className="block text-xs text-muted">
          made <Ago at={t.createdAt} />, {expired ? "expired" : "expires"} {day(t.expiresAt)},{" "}
          {t.lastUsedAt ? (
            <>
              last used <Ago at={t.lastUsedAt} />
            </>
          ) : (
            "never used"
          )}
        </span>
      </div>
      <Button size="small" kind="danger" onClick={onRevoke} aria-label={`Revoke ${t.name}`}>
        Revoke
      </Button>
    </li>
  );
}

export function Tokens() {
  const q = useQuery(queries.tokens());
  const { dialog, revoke } = useSearch({ from: "/shell/settings" });
  const navigate = useNavigate({ from: "/settings" });
  const open = (search: { dialog?: "token"; revoke?: string }): void => void navigate({ search, resetScroll: false });
  const close = (): void => void navigate({ search: {}, replace: true, resetScroll: false });
  const chosen = q.data?.items.find((t) => t.id === revoke);
  return (
    <Section
      title="API tokens"
      note="for the command line, CI and gateways"
      actions={
        <Button size="small" onClick={() => open({ dialog: "token" })}>
          New token
        </Button>
      }
      flush
    >
      {q.data ? (
        q.data.items.length > 0 ? (
          <ul className="m-0 list-none divide-y divide-line p-0">
            {q.data.items.map((t) => (
              <Row key={t.id} token={t} onRevoke={() => open({ revoke: t.id })} />
            ))}
          </ul>
        ) : (
          <Empty title="No token">
            Make one for each thing that talks to the API, so that each can be revoked alone.
          </Empty>
        )
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={3} />
      )}
      <Dialog
        open={dialog === "token"}
        onClose={close}
        title="New API token"
        description="Whoever has its secret may do what its role may."
      >
        <NewToken onClose={close} />
      </Dialog>
      <Dialog
        open={chosen !== undefined}
        onClose={close}
        title="Revoke this token?"
        description={`What uses “${chosen?.name ?? ""}” is refused from now on. This can't be undone.`}
      >
        {chosen && <Revoke token={chosen} onClose={close} />}
      </Dialog>
    </Section>
  );
}
