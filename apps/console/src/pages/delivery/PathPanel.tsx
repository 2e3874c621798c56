import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { type FormEvent, Fragment, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Promotion } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ReasonField } from "../../ui/Form.tsx";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

const WORDS: Readonly<Record<Promotion["state"], string>> = {
  nothing: "Nothing to promote",
  same: "The same",
  soaking: "Proving itself",
  ready: "Ready",
  under_way: "Under way",
  tried: "Tried",
  blocked: "Waits",
};

/** The steps in the order of the path: what leads on comes before what it leads to. */
function inOrder(items: readonly Promotion[]): readonly Promotion[] {
  const depth = (step: Promotion): number => {
    const before = items.find((other) => other.to === step.from);
    return before ? depth(before) + 1 : 0;
  };
  return [...items].sort((a, b) => depth(a) - depth(b));
}

/** A service's environments as a path: what serves where, and what could go on. Nothing where there is no path. */
export function PathPanel({ service }: { service: string }) {
  const q = useQuery(queries.promotions(service));
  const [asked, setAsked] = useState<Promotion | null>(null);
  if (q.error) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  const items = inOrder(q.data?.items ?? []);
  if (items.length === 0) return null;
  return (
    <Section title="Path" note="from one environment to the next">
      <ol className="m-0 flex list-none flex-col gap-3 p-0 md:flex-row md:items-stretch">
        {items.map((p, i) => (
          <Fragment key={`${p.from} ${p.to}`}>
            {items[i - 1]?.to !== p.from && <Stop name={p.from} release={p.release} />}
            <li className="flex min-w-0 flex-1 items-start gap-2 text-sm">
              <ArrowRight size={16} className="mt-0.5 shrink-0 text-muted" aria-hidden />
              <div className="flex min-w-0 flex-col items-start gap-1">
                <span className="text-xs text-muted">
                  {p.automatic ? "by itself" : "by a person"}: {p.isTakenBack ? "Taken back" : WORDS[p.state]}
                  {p.apart !== null && p.apart > 0 && `, ${p.apart} ${p.apart === 1 ? "release" : "releases"} apart`}
                </span>
                <span>
                  {p.words}
                  {p.state === "soaking" && p.readyAt && (
                    <>
                      {" "}
                      Until <Ago at={p.readyAt} />.
                    </>
                  )}
                </span>
                {p.deploymentId && <A href={to.deployment(p.deploymentId)}>Its deployment</A>}
                {p.release && ["ready", "soaking", "tried"].includes(p.state) && (
                  <Button
                    size="small"
                    onClick={() => setAsked(p)}
                    aria-label={`Promote ${p.isTakenBack ? "again: " : ""}${service} to ${p.to}`}
                  >
                    {p.isTakenBack ? "Promote again…" : "Promote"}
                  </Button>
                )}
              </div>
            </li>
            <Stop name={p.to} release={p.serving} />
          </Fragment>
        ))}
      </ol>
      <Dialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={asked ? `Promote ${service} #${asked.release?.number} to ${asked.to}` : ""}
        description="The release goes there as it is, through the gates of that environment and its rollout."
      >
        {asked && <Ask promotion={asked} onClose={() => setAsked(null)} />}
      </Dialog>
    </Section>
  );
}

function Stop({ name, release }: { name: string; release: Promotion["release"] }) {
  return (
    <li className="min-w-28 rounded-md border border-line px-3 py-2">
      <div className="text-xs text-muted">{name}</div>
      {release ? (
        <A href={to.release(release.id)} className="text-lg font-semibold text-ink">
          #{release.number}
        </A>
      ) : (
        <span className="text-muted">Nothing yet</span>
      )}
    </li>
  );
}

function Ask({ promotion: p, onClose }: { promotion: Promotion; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () =>
      api.promote({ params: { project, service: p.service }, body: { to: p.to, reason: reason.trim() } }),
    onSuccess: (made) => {
      for (const queryKey of [keys.deployments(), keys.services, keys.promotions(p.service)])
        void client.invalidateQueries({ queryKey });
      toast.done("On its way", `${made.service} #${made.release?.number ?? "?"} to ${made.environment}`);
      onClose();
    },
    onError: (error) => toast.failed("It was not promoted", wordsOf(error)),
  });
  const missing = reason.trim() === "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!missing) act.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <p className={`m-0 ${p.isTakenBack ? "text-warn" : "text-soft"}`}>{p.words}</p>
      <ReasonField value={reason} onChange={setReason} maxLength={300} asked={tried} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={p.isTakenBack ? "danger" : "primary"} busy={act.isPending}>
          Promote to {p.to}
          {p.isTakenBack && " again"}
        </Button>
      </div>
    </form>
  );
}
