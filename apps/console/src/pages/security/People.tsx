import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Person } from "../../api/types.ts";
import type { SettingsSearch } from "../../search.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { moment } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { CopyButton, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { PersonForm } from "./PersonForm.tsx";

type Ask = SettingsSearch["ask"];

function Invite({ person, onClose }: { person: Person; onClose: () => void }) {
  const make = useMutation({
    mutationFn: () => api.createPersonLink({ params: { project, personId: person.id } }),
  });
  if (make.data)
    return (
      <div className="flex flex-col gap-3" role="status">
        <div className="flex items-center gap-2 rounded-md border border-line-strong bg-sunken py-2 pr-2 pl-3">
          <Mono className="min-w-0 flex-1 break-all">{make.data.url}</Mono>
          <CopyButton text={make.data.url} label={`Copy the link of ${person.name}`} />
        </div>
        <p className="m-0 text-muted">
          Works once, until {moment(make.data.expiresAt)}. Hand it to {person.name} only: whoever opens it is{" "}
          {person.name} here.
        </p>
        <div className="flex justify-end">
          <Button kind="primary" onClick={onClose}>
            I have it
          </Button>
        </div>
      </div>
    );
  return (
    <>
      {make.error && <p className="m-0 mb-3 text-bad">{wordsOf(make.error)}</p>}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={make.isPending} onClick={() => make.mutate()}>
          Make the link
        </Button>
      </div>
    </>
  );
}

function Remove({ person, onClose }: { person: Person; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.removePerson({ params: { project, personId: person.id } }),
    onSuccess: async () => {
      toast.done("Removed", person.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.people });
    },
    onError: (error) => toast.failed("Nobody was removed", wordsOf(error)),
  });
  return (
    <div className="flex justify-end gap-2">
      <Button onClick={onClose}>Keep</Button>
      <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
        Remove {person.name}
      </Button>
    </div>
  );
}

function Row({ person: p, mayManage, onAsk }: { person: Person; mayManage: boolean; onAsk: (ask: Ask) => void }) {
  const known = [...p.commitNames, ...(p.githubLogin === null ? [] : [`${p.githubLogin} on GitHub`])];
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-56">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium break-words">{p.name}</span>
          <Badge tone={p.role === "owner" ? "live" : "calm"}>{p.role}</Badge>
          {p.isMe && <Badge tone="good">you</Badge>}
        </span>
        <span className="block text-xs break-words text-muted">
          {p.raci.length > 0 ? `answers for ${p.raci.join(", ")}` : "answers for nothing in particular"}
          {known.length > 0 && `; also ${known.join(", ")}`}
        </span>
      </div>
      {mayManage && (
        <div className="flex gap-2">
          <Button size="small" onClick={() => onAsk("invite")} aria-label={`Sign-in link for ${p.name}`}>
            Link
          </Button>
          <Button size="small" onClick={() => onAsk("change")} aria-label={`Change ${p.name}`}>
            Change
          </Button>
          <Button size="small" kind="danger" onClick={() => onAsk("remove")} aria-label={`Remove ${p.name}`}>
            Remove
          </Button>
        </div>
      )}
    </li>
  );
}

function Dialogs({ people, close }: { people: readonly Person[]; close: () => void }) {
  const { dialog, person: id, ask } = useSearch({ from: "/shell/settings" });
  const person = people.find((one) => one.id === id);
  return (
    <>
      <Dialog
        open={dialog === "person"}
        onClose={close}
        title="New person"
        description="Whoever is here may sign in by a link that you make."
      >
        <PersonForm person={null} onClose={close} />
      </Dialog>
      <Dialog
        open={person !== undefined && ask === "change"}
        onClose={close}
        title={`Change ${person?.name ?? ""}`}
        description="What this person may do holds at once, in every browser."
      >
        {person && <PersonForm person={person} onClose={close} />}
      </Dialog>
      <Dialog
        open={person !== undefined && ask === "invite"}
        onClose={close}
        title={`Sign-in link for ${person?.name ?? ""}`}
        description="It signs one browser in, once, within 15 minutes."
      >
        {person && <Invite person={person} onClose={close} />}
      </Dialog>
      <Dialog
        open={person !== undefined && ask === "remove"}
        onClose={close}
        title={`Remove ${person?.name ?? ""}?`}
        description="Sessions and tokens of this person are refused from now on. What was done stays in the ledger."
      >
        {person && <Remove person={person} onClose={close} />}
      </Dialog>
    </>
  );
}

/** Who may sign in, what each may do and answers for, and what each is known by in commits. */
export function People({ mayManage }: { mayManage: boolean }) {
  const people = useQuery(queries.people());
  const navigate = useNavigate({ from: "/settings" });
  const go = (search: { dialog?: "person"; person?: string; ask?: Ask }): void =>
    void navigate({ search, resetScroll: false });
  const close = (): void => void navigate({ search: {}, replace: true, resetScroll: false });
  const items = people.data?.items ?? [];
  return (
    <Section
      title="People"
      note="nobody approves what is their own"
      actions={
        mayManage && (
          <Button size="small" onClick={() => go({ dialog: "person" })}>
            New person
          </Button>
        )
      }
      flush
    >
      {people.error ? (
        <ErrorPanel error={people.error} retry={() => void people.refetch()} />
      ) : !people.data ? (
        <Skeleton rows={2} />
      ) : items.length === 0 ? (
        <Empty title="Nobody yet">Add those who ship and approve.</Empty>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {items.map((p) => (
            <Row key={p.id} person={p} mayManage={mayManage} onAsk={(ask) => go({ person: p.id, ask })} />
          ))}
        </ul>
      )}
      <Dialogs people={items} close={close} />
    </Section>
  );
}
