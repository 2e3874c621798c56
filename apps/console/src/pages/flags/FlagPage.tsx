import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, project } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { FlagView } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button, LinkButton } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ReasonForm } from "../../ui/ReasonForm.tsx";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { EnvironmentRules } from "./EnvironmentRules.tsx";
import { FlagHistory } from "./FlagHistory.tsx";
import { FlagProposals } from "./FlagProposals.tsx";
import { hasRollout, isPast } from "./flag-words.ts";
import { HealthBadge } from "./HealthBadge.tsx";
import { Refusal } from "./ProposeInstead.tsx";
import { Served } from "./Served.tsx";
import { TryIt } from "./TryIt.tsx";

const MANAGERS = { console: "here", code: "in code", terraform: "in Terraform" } as const;

function About({ flag: f }: { flag: FlagView }) {
  const values = Object.entries(f.definition.variants ?? {});
  return (
    <Section title="About">
      <Facts
        items={[
          ["Owner", f.owner || "nobody"],
          ["Purpose", f.purpose],
          f.expires
            ? [
                "Should be gone by",
                <span key="e" className={isPast(f.expires) ? "text-bad" : ""}>
                  {f.expires}
                </span>,
              ]
            : null,
          ["Written", MANAGERS[f.manager]],
          ["Version", f.version],
          ["Changed", <Ago key="c" at={f.updatedAt} />],
          ["Browsers", f.isPublic ? "are given its value" : "never see it"],
          [
            "Values",
            <span key="v" className="flex flex-wrap gap-x-3 gap-y-1">
              {values.map(([name, value]) => (
                <span key={name}>
                  {name}
                  {f.type !== "boolean" && (
                    <>
                      {" "}
                      <Mono className="text-muted">{JSON.stringify(value)}</Mono>
                    </>
                  )}
                </span>
              ))}
            </span>,
            "wide",
          ],
        ]}
      />
    </Section>
  );
}

function Archive({ flag, onClose }: { flag: FlagView; onClose: () => void }) {
  const client = useQueryClient();
  const archive = useMutation({
    mutationFn: (reason: string) =>
      api.archiveFlag({
        params: { project, flag: flag.key },
        body: { archived: !flag.isArchived, reason },
      }),
    onSuccess: async () => {
      toast.done(flag.isArchived ? "Back in use" : "Archived", flag.key);
      onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  return (
    <ReasonForm
      press={flag.isArchived ? "Take it out" : "Archive it"}
      busy={archive.isPending}
      error={archive.error}
      refusal={(error, reason) => (
        <Refusal
          error={error}
          of={{ flag: flag.key, change: { kind: "archive", archived: !flag.isArchived } }}
          reason={reason}
          onDone={onClose}
        />
      )}
      onCancel={onClose}
      onSubmit={(reason) => archive.mutate(reason)}
    />
  );
}

/** One flag: where it is on, who gets what, what somebody would get and why, and what was changed. */
export function FlagPage() {
  const { flag: key } = useParams({ from: "/shell/flags/$flag" });
  const { environment, dialog } = useSearch({ from: "/shell/flags/$flag" });
  const navigate = useNavigate({ from: "/flags/$flag" });
  const q = useQuery(queries.flag(key));
  const me = useQuery(queries.me());
  const mayWrite = me.data !== undefined && me.data.principal.role !== "viewer";
  if (!q.data)
    return q.error ? (
      <>
        <PageHead title={key} over={<A href={to.flags()}>Flags</A>} />
        <div className="rounded-lg border border-line bg-surface">
          <ErrorPanel error={q.error} retry={() => void q.refetch()} />
        </div>
      </>
    ) : (
      <PageSkeleton />
    );
  const flag = q.data;
  const places = flag.environments.map((place) => place.name);
  const here = environment && places.includes(environment) ? environment : places[0];
  const close = (): void =>
    void navigate({ search: (old) => ({ ...old, dialog: undefined }), replace: true, resetScroll: false });
  return (
    <>
      <PageHead
        title={flag.key}
        over={<A href={to.flags()}>Flags</A>}
        lead={flag.description || undefined}
        badge={
          <>
            {flag.isArchived && <Badge tone="calm">archived</Badge>}
            <HealthBadge flag={flag} />
          </>
        }
        actions={
          <>
            {hasRollout(flag) && <LinkButton href={to.flagResults(flag.key)}>Results</LinkButton>}
            {mayWrite && flag.manager === "console" && !flag.isArchived && (
              <LinkButton kind="primary" href={to.editFlag(flag.key, here)}>
                Edit
              </LinkButton>
            )}
            {mayWrite && (
              <Button onClick={() => void navigate({ search: (old) => ({ ...old, dialog: "archive" as const }) })}>
                {flag.isArchived ? "Take out of the archive" : "Archive"}
              </Button>
            )}
          </>
        }
      />
      <div className="flex flex-col gap-6">
        <FlagProposals flag={flag.key} />
        {places.length === 0 ? (
          <Section title="Environments">
            <Empty title="It is in no environment">Add one to its definition.</Empty>
          </Section>
        ) : (
          places.map((place) => <EnvironmentRules key={place} flag={flag} environment={place} mayWrite={mayWrite} />)
        )}
        {here && <TryIt flag={flag} environment={here} environments={places} />}
        <About flag={flag} />
        <Served flag={flag} />
        <FlagHistory flag={flag} mayWrite={mayWrite} />
      </div>
      <Dialog
        open={dialog === "archive"}
        onClose={close}
        title={flag.isArchived ? "Take it out of the archive?" : "Archive this flag?"}
        description={
          flag.isArchived
            ? "It is answered again, by the rules that it had."
            : "Whoever still asks for it is told that there is no such flag, and uses the value in the code. Its history stays."
        }
      >
        <Archive flag={flag} onClose={close} />
      </Dialog>
    </>
  );
}
