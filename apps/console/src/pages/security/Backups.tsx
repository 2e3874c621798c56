import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Backup } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { bytes, count, duration } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Ago, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

const PROOF = {
  verified: { tone: "good", words: "proved" },
  skipped: { tone: "warn", words: "not proved" },
  impossible: { tone: "warn", words: "could not be proved" },
} as const;

function Standing({ backup: b }: { backup: Backup }) {
  if (b.state === "running") return <Badge tone="live">being taken</Badge>;
  if (b.state === "failed") return <Badge tone="bad">failed</Badge>;
  const proof = PROOF[b.verification?.state ?? "skipped"];
  return <Badge tone={proof.tone}>{proof.words}</Badge>;
}

function words(b: Backup): string {
  if (b.progress)
    return b.progress.percent === null ? b.progress.words : `${b.progress.words} (${b.progress.percent} %)`;
  if (b.problem) return b.problem;
  const ledger = b.contents ? `, ledger of ${count(b.contents.ledger.size)} entries` : "";
  const isClosed = (b.contents?.keys.length ?? 0) > 0;
  return `${bytes(b.sizeBytes)} in ${duration(b.durationMs ?? 0)}${ledger}, ${isClosed ? "with the keys" : "without the keys"}`;
}

function Row({ backup: b }: { backup: Backup }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-56">
        <span className="flex flex-wrap items-center gap-2">
          <Ago at={b.createdAt} />
          <Standing backup={b} />
        </span>
        <span className="block text-xs break-words text-muted" role={b.state === "running" ? "status" : undefined}>
          {words(b)}
        </span>
      </div>
      {b.state === "kept" && (
        <a className="link text-xs underline" href={`/api/v1/backups/${b.id}/file`} download={`latchkey-${b.id}.tar`}>
          Download
        </a>
      )}
    </li>
  );
}

function LastProof({ backups }: { backups: readonly Backup[] }) {
  const proved = backups.find((b) => b.verification?.state === "verified");
  const workloads = backups.find((b) => b.contents)?.contents?.notIncluded ?? [];
  return (
    <p className="m-0 px-4 py-3 text-xs text-muted">
      {proved?.verification ? (
        <>
          Last proved <Ago at={proved.verification.at} />: {proved.verification.words}
        </>
      ) : (
        "None here was restored for proof yet."
      )}{" "}
      {workloads.length > 0 && <>Not in a backup: the databases of the workloads ({workloads.join(", ")}). </>}
      To restore one, stop the server and run <Mono>npx latchkey restore</Mono>.
    </p>
  );
}

/** Backups of the installation: what is kept, how it was proved, and another one. */
export function Backups() {
  const client = useQueryClient();
  const backups = useQuery(queries.backups());
  const take = useMutation({
    mutationFn: () => api.createBackup({ body: {} }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.backups }),
    onError: (error) => toast.failed("No backup was taken", wordsOf(error)),
  });
  const items = backups.data?.items ?? [];
  const isRunning = items.some((b) => b.state === "running");
  return (
    <Section
      title="Backups"
      note={backups.data && `the newest ${backups.data.keep} are kept`}
      actions={
        <Button size="small" busy={take.isPending || isRunning} onClick={() => take.mutate()}>
          Take a backup
        </Button>
      }
      flush
    >
      {backups.error ? (
        <ErrorPanel error={backups.error} retry={() => void backups.refetch()} />
      ) : !backups.data ? (
        <Skeleton rows={2} />
      ) : items.length === 0 ? (
        <Empty title="No backup yet">It is taken while everything goes on, and restored once for proof.</Empty>
      ) : (
        <>
          <ul className="m-0 list-none divide-y divide-line p-0">
            {items.map((b) => (
              <Row key={b.id} backup={b} />
            ))}
          </ul>
          <div className="border-t border-line">
            <LastProof backups={items} />
          </div>
        </>
      )}
    </Section>
  );
}
