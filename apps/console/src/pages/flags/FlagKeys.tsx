import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { FlagClientKey } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Ago, CopyButton, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

function NewKey({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [environment, setEnvironment] = useState("production");
  const [kind, setKind] = useState<"server" | "browser">("server");
  const create = useMutation({
    mutationFn: () => api.createFlagKey({ params: { project }, body: { name: name.trim(), environment, kind } }),
    onSuccess: () => client.invalidateQueries({ queryKey: [...keys.flags, "keys"] }),
  });
  if (create.data)
    return (
      <div className="flex flex-col gap-4">
        <p className="m-0">
          {kind === "server"
            ? "This is shown once. Keep it where secrets are kept."
            : "This is no secret: it only answers values of public flags."}
        </p>
        <p className="m-0 flex items-center gap-1 rounded-md bg-sunken px-3 py-2 break-all">
          <Mono>{create.data.secret}</Mono>
          <CopyButton text={create.data.secret} label="Copy the key" />
        </p>
        <div className="flex justify-end">
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </div>
    );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== "") create.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name" hint="The application that asks.">
        {(ids) => <Input {...ids} value={name} required maxLength={60} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field label="Environment">
        {(ids) => (
          <Input
            {...ids}
            value={environment}
            required
            maxLength={40}
            onChange={(e) => setEnvironment(e.target.value)}
          />
        )}
      </Field>
      <Choices
        legend="Who asks"
        value={kind}
        onChange={setKind}
        options={[
          { value: "server", label: "A server", words: "a secret; answers every flag" },
          { value: "browser", label: "Browsers", words: "public; answers values of public flags, never rules" },
        ]}
      />
      {create.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(create.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={create.isPending}>
          Make the key
        </Button>
      </div>
    </form>
  );
}

function Row({ item, mayWrite }: { item: FlagClientKey; mayWrite: boolean }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const revoke = useMutation({
    mutationFn: () => api.revokeFlagKey({ params: { project, keyId: item.id } }),
    onSuccess: async () => {
      toast.done("Revoked", item.name);
      await client.invalidateQueries({ queryKey: [...keys.flags, "keys"] });
    },
    onError: (error) => toast.failed("It was not revoked", wordsOf(error)),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-56">
        <span className="font-medium">{item.name}</span>
        <span className="block text-xs text-muted">
          {item.kind === "server" ? "a server" : "browsers"}, {item.environment};{" "}
          {item.lastUsedAt ? (
            <>
              used <Ago at={item.lastUsedAt} />
            </>
          ) : (
            "never used"
          )}
          {item.droppedRows > 0 && (
            <span className="text-warn">
              ; told too much: {item.droppedRows.toLocaleString()} exposures and events of the last 7 days were dropped
            </span>
          )}
        </span>
        {item.key && (
          <span className="flex items-center gap-1 text-xs break-all">
            <Mono>{item.key}</Mono>
            <CopyButton text={item.key} label={`Copy the key ${item.name}`} />
          </span>
        )}
      </div>
      {mayWrite &&
        (asked ? (
          <Button size="small" kind="danger" busy={revoke.isPending} onClick={() => revoke.mutate()}>
            Really revoke {item.name}
          </Button>
        ) : (
          <Button size="small" onClick={() => setAsked(true)} aria-label={`Revoke ${item.name}`}>
            Revoke
          </Button>
        ))}
    </li>
  );
}

/** Keys by which applications ask for flags. */
export function FlagKeys({ mayWrite }: { mayWrite: boolean }) {
  const q = useQuery(queries.flagKeys());
  const { dialog } = useSearch({ from: "/shell/flags" });
  const navigate = useNavigate({ from: "/flags" });
  const set = (next: "key" | undefined): void =>
    void navigate({ search: (old) => ({ ...old, dialog: next }), resetScroll: false });
  return (
    <Section
      title="Keys"
      note="by which applications ask"
      flush
      actions={
        mayWrite && (
          <Button size="small" onClick={() => set("key")}>
            New key
          </Button>
        )
      }
    >
      {q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : !q.data ? (
        <Skeleton rows={1} />
      ) : q.data.items.length === 0 ? (
        <Empty title="No keys">An application asks for its flags with one, by OFREP or an SDK.</Empty>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {q.data.items.map((item) => (
            <Row key={item.id} item={item} mayWrite={mayWrite} />
          ))}
        </ul>
      )}
      <Dialog
        open={dialog === "key"}
        onClose={() => set(undefined)}
        title="New key"
        description="It answers the flags of one environment."
      >
        <NewKey onClose={() => set(undefined)} />
      </Dialog>
    </Section>
  );
}
