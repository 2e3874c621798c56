import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { Rollout } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge, StateBadge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { firstLine, shortCommit, shortId } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

interface PanelProps {
  readonly carries: Rollout["carries"];
  readonly split: Rollout["split"];
  /** Whose page it is on. */
  readonly deploymentId: string;
}

const TONES = { cleared: "good", suspected: "warn", unknown: "calm" } as const;
const STANDINGS = { cleared: "Cleared", suspected: "Suspected", unknown: "Not known" } as const;

/** The changes that go out together; once they were rolled back, which are cleared by now, and the way to find the one. */
export function CarriedPanel({ carries, split, deploymentId }: PanelProps) {
  if (carries.length < 2 && !split) return null;
  return (
    <Section
      title={split ? "Which change did harm" : "Changes in this rollout"}
      note="oldest first; each release contains those before"
      actions={split?.canSplit && <SplitButton deploymentId={deploymentId} batchId={split.batchId} />}
      flush
    >
      {split && (
        <p aria-live="polite" className="m-0 px-4 py-3">
          {split.words}
        </p>
      )}
      <ol className={`m-0 list-none divide-y divide-line p-0 ${split ? "border-t border-line" : ""}`}>
        {carries.map((c) => (
          <li key={c.deploymentId} className="px-4 py-2">
            <div className="flex items-center gap-3">
              <A href={to.release(c.releaseId)} className="shrink-0">
                #{c.releaseNumber}
              </A>
              <span className="min-w-0 flex-1 truncate" title={firstLine(c.message)}>
                {firstLine(c.message) || "no commit"}
              </span>
              {c.standing && <Badge tone={TONES[c.standing]}>{STANDINGS[c.standing]}</Badge>}
            </div>
            <div className="flex gap-3 text-xs text-muted">
              {c.commit && <Mono className="shrink-0">{shortCommit(c.commit)}</Mono>}
              <span className="min-w-0 truncate">{c.author || c.createdBy}</span>
              <A href={to.deployment(c.deploymentId)} className="ml-auto shrink-0">
                {shortId(c.deploymentId)}
              </A>
            </div>
          </li>
        ))}
      </ol>
      {split && split.trials.length > 0 && (
        <ul className="m-0 list-none divide-y divide-line border-t border-line p-0">
          {split.trials.map((t) => (
            <li key={t.deploymentId} className="flex items-center gap-3 px-4 py-2">
              <span className="min-w-0 flex-1">Trial of {t.changes === 1 ? "one change" : `${t.changes} changes`}</span>
              <A href={to.deployment(t.deploymentId)} className="text-xs">
                {shortId(t.deploymentId)}
              </A>
              <StateBadge state={t.status} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function SplitButton({ deploymentId, batchId }: { deploymentId: string; batchId: string }) {
  const client = useQueryClient();
  const split = useMutation({
    mutationFn: () => api.splitDeployment({ params: { project, deploymentId: batchId }, body: { reason: "" } }),
    onSuccess: () => {
      toast.done("Both halves are on their way", "The first goes out alone; the rest follows once that is promoted.");
      void client.invalidateQueries({ queryKey: keys.deployment(deploymentId) });
      void client.invalidateQueries({ queryKey: ["rollout"] });
    },
    onError: (error) => toast.failed("It was not split", wordsOf(error)),
  });
  return (
    <Button size="small" kind="primary" busy={split.isPending} onClick={() => split.mutate()}>
      Split it
    </Button>
  );
}
