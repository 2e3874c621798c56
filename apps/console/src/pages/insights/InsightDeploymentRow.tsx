import { CircleAlert, CircleCheck, CircleDashed, RotateCcw } from "lucide-react";
import type { InsightCorrection, InsightDeployment } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { duration, plural, shortCommit } from "../../ui/format.ts";
import { A, Ago, Mono } from "../../ui/Text.tsx";
import { CLAIM_WORDS, FAILURE_WORDS, OUTCOME_WORDS, STAGES } from "./insight-words.ts";

/** One deployment behind the figures. Those that Latchkey made itself lead to their own page. */
function Outcome({ deployment: d }: { deployment: InsightDeployment }) {
  if (d.failure)
    return (
      <Badge tone="bad" icon={<CircleAlert size={12} aria-hidden />}>
        {FAILURE_WORDS[d.failure] ?? "Failed"}
      </Badge>
    );
  if (!d.isSettled)
    return (
      <Badge tone="live" icon={<CircleDashed size={12} aria-hidden />}>
        {OUTCOME_WORDS[d.outcome]}
      </Badge>
    );
  return (
    <Badge
      tone={d.outcome === "succeeded" ? "good" : "calm"}
      icon={d.outcome === "succeeded" ? <CircleCheck size={12} aria-hidden /> : undefined}
    >
      {OUTCOME_WORDS[d.outcome]}
    </Badge>
  );
}

function recoveryWords(d: InsightDeployment): string | null {
  if (!d.failedAt) return null;
  return d.recoveredAt
    ? `well again after ${duration(Date.parse(d.recoveredAt) - Date.parse(d.failedAt))}`
    : "not known to be well again";
}

/** Its stages that are known: ": coding 3 h, review 40 min". */
function stagesWords(stages: InsightDeployment["changes"][number]["stages"]): string {
  const known = STAGES.flatMap(([key, name]) => {
    const ms = stages[key] ?? null;
    return ms === null ? [] : [`${name.toLowerCase()} ${duration(ms)}`];
  });
  return known.length > 0 ? `: ${known.join(", ")}` : "";
}

function Changes({ deployment: d }: { deployment: InsightDeployment }) {
  if (d.changes.length === 0) return <p className="m-0 text-xs text-muted">No change is known to be in it.</p>;
  return (
    <details className="text-xs">
      <summary className="w-fit cursor-pointer text-soft">{plural(d.changes.length, "change")}</summary>
      <ul className="m-0 mt-1 flex list-none flex-col gap-1 p-0 pl-4">
        {d.changes.map((change) => (
          <li key={change.change} className="break-words">
            {change.title || <Mono>{change.change}</Mono>}{" "}
            <span className="text-muted">
              {change.leadMs === null ? "lead time not known" : `lead time ${duration(change.leadMs)}`}
              {stagesWords(change.stages)}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Correction({ correction: c, onWithdraw }: { correction: InsightCorrection; onWithdraw: () => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span className={`min-w-0 break-words ${c.isWithdrawn ? "text-muted line-through" : "text-soft"}`}>
        Corrected <Ago at={c.at} />: {CLAIM_WORDS[c.claim].name.toLowerCase()}
        {c.incident && ` (${c.incident})`}. {c.reason}
      </span>
      {c.isWithdrawn ? (
        <span className="text-muted">taken back</span>
      ) : (
        <Button size="small" kind="quiet" onClick={onWithdraw}>
          Take it back
        </Button>
      )}
    </li>
  );
}

export function InsightDeploymentRow(o: {
  deployment: InsightDeployment;
  onCorrect: () => void;
  onWithdraw: (key: string) => void;
}) {
  const { deployment: d } = o;
  const recovery = recoveryWords(d);
  return (
    <li className="flex flex-col gap-1.5 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 font-medium break-words">
          {d.key.startsWith("dep_") ? <A href={to.deployment(d.key)}>{d.label}</A> : d.label}
        </span>
        <Outcome deployment={d} />
        {d.isRework && (
          <Badge tone="warn" icon={<RotateCcw size={12} aria-hidden />}>
            Rework
          </Badge>
        )}
        {d.isExcluded && <Badge tone="calm">Left out</Badge>}
        <span className="ml-auto">
          <Button size="small" onClick={o.onCorrect} aria-label={`Correct this: ${d.service}, ${d.label}`}>
            Correct this
          </Button>
        </span>
      </div>
      <p className="m-0 text-xs break-words text-muted">
        {d.service} to {d.environment} <Ago at={d.at} />
        {d.commit && (
          <>
            {" at "}
            <Mono>{shortCommit(d.commit)}</Mono>
          </>
        )}
        {d.kind !== "planned" && `; a ${d.kind}`}
        {d.source && !d.key.startsWith("dep_") && `; told by ${d.source}`}
        {!d.reachedVisitors && "; reached no visitors, so that no figure counts it"}
        {recovery && `; ${recovery}`}
      </p>
      {d.incidents.length > 0 && (
        <p className="m-0 text-xs break-all text-soft">
          <A href={to.insightIncidents({ service: d.service })}>
            {d.incidents.length === 1 ? "Incident" : "Incidents"}
          </A>
          : {d.incidents.join(", ")}
        </p>
      )}
      <Changes deployment={d} />
      {d.corrections.length > 0 && (
        <ul className="m-0 flex list-none flex-col gap-1 p-0 text-xs">
          {d.corrections.map((c) => (
            <Correction key={c.key} correction={c} onWithdraw={() => o.onWithdraw(c.key)} />
          ))}
        </ul>
      )}
    </li>
  );
}
