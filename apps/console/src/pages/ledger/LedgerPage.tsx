import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { CircleCheck, CircleX, ShieldCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A } from "../../ui/Text.tsx";
import { EntryList } from "./EntryList.tsx";

/** Prefixes worth a choice; any other can be put into the address. */
const TYPES = [
  ["", "Everything"],
  ["delivery.", "Delivery"],
  ["delivery.deployment.", "Deployments"],
  ["delivery.release.", "Releases"],
  ["delivery.rollout.", "Rollouts: every decision"],
  ["delivery.rollout.roll_back_begun", "Rollbacks"],
  ["delivery.rollout.promoted", "Promotions"],
  ["catalog.", "Services and configuration"],
  ["security.", "Sign-ins and tokens"],
] as const;

function Filter() {
  const { type = "", subject = "" } = useSearch({ from: "/shell/ledger" });
  const navigate = useNavigate({ from: "/ledger" });
  const [draft, setDraft] = useState(subject);
  const known = TYPES.some(([value]) => value === type);
  const set = (patch: { type?: string | undefined; subject?: string | undefined }): void =>
    void navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    set({ subject: draft.trim() || undefined });
  };
  return (
    <form onSubmit={submit} className="mb-6 grid items-end gap-3 sm:grid-cols-[15rem_1fr_auto]">
      <Field label="Kind">
        {(ids) => (
          <Select {...ids} value={type} onChange={(e) => set({ type: e.target.value || undefined })}>
            {!known && <option value={type}>{type}</option>}
            {TYPES.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Subject">
        {(ids) => (
          <Input
            {...ids}
            value={draft}
            placeholder="rollout/rol_… or deployment/dep_…"
            onChange={(e) => setDraft(e.target.value)}
          />
        )}
      </Field>
      <div className="flex gap-2">
        <Button type="submit">Filter</Button>
        {(type || subject) && (
          <Button
            kind="quiet"
            onClick={() => {
              setDraft("");
              set({ type: undefined, subject: undefined });
            }}
          >
            Clear
          </Button>
        )}
      </div>
    </form>
  );
}

/** The button and its answer stand at different places of the page. */
function useVerification() {
  const verify = useMutation({ mutationFn: () => api.verifyLedger({ params: { project } }) });
  const found = verify.data;
  return {
    button: (
      <Button busy={verify.isPending} onClick={() => verify.mutate()}>
        <ShieldCheck size={15} aria-hidden /> Verify the whole ledger
      </Button>
    ),
    result: (
      <div aria-live="polite">
        {found && (
          <p
            className={`m-0 mb-6 flex flex-wrap items-center gap-x-2 rounded-md px-4 py-2.5 font-medium ${
              found.ok ? "bg-good-soft text-good" : "bg-bad-soft text-bad"
            }`}
          >
            {found.ok ? <CircleCheck size={16} aria-hidden /> : <CircleX size={16} aria-hidden />}
            {found.words}
            {found.firstBadSequence !== null && <A href={to.ledgerEntry(found.firstBadSequence)}>Look at it</A>}
          </p>
        )}
        {verify.error && (
          <p className="m-0 mb-6 rounded-md bg-bad-soft px-4 py-2.5 text-bad">
            It could not be verified. {wordsOf(verify.error)}
          </p>
        )}
      </div>
    ),
  };
}

function Entries() {
  const { type = "", subject = "" } = useSearch({ from: "/shell/ledger" });
  const q = useInfiniteQuery(queries.ledger(type, subject));
  const items = q.data?.pages.flatMap((p) => p.items);
  return (
    <Section title="Entries" note="newest first; new ones appear on top" flush>
      {items ? (
        items.length > 0 ? (
          <EntryList items={items} />
        ) : (
          <Empty title="No entry is like that">Clear the filter to see all of them.</Empty>
        )
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={12} />
      )}
      {q.hasNextPage && (
        <div className="border-t border-line p-2 text-center">
          <Button kind="quiet" busy={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
    </Section>
  );
}

export function LedgerPage() {
  const verification = useVerification();
  return (
    <>
      <PageHead
        title="Ledger"
        lead="Every change and every decision, in order, each with its proof. Nothing is ever changed or removed."
        actions={verification.button}
      />
      {verification.result}
      <Filter />
      <Entries />
    </>
  );
}
