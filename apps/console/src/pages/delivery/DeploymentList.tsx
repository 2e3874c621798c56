import type { DeploymentSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { FaultBadge, StateBadge } from "../../ui/Badge.tsx";
import { duration, firstLine, shortId } from "../../ui/format.ts";
import { A, Ago } from "../../ui/Text.tsx";

/** Deployments as rows: what, how it ended and why in a sentence, when. */
export function DeploymentList({ items }: { items: readonly DeploymentSummary[] }) {
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {items.map((d) => (
        <li key={d.id} className="relative grid grid-cols-[1fr_auto] gap-x-4 gap-y-0.5 px-4 py-2.5 hover:bg-hover">
          <div className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-1">
            <StateBadge state={d.status} />
            <A
              href={to.deployment(d.id)}
              className="min-w-0 truncate font-medium text-ink after:absolute after:inset-0"
            >
              {d.service} {d.release ? `#${d.release.number}` : shortId(d.id)}
              <span className="font-normal text-soft"> to {d.environment}</span>
            </A>
            <FaultBadge fault={d.fault} />
          </div>
          <div className="text-right text-xs text-muted">
            <Ago at={d.createdAt} />
          </div>
          <div className="col-span-2 flex min-w-0 gap-3 text-xs text-muted">
            <span className="min-w-0 flex-1 truncate" title={d.words}>
              {d.words || firstLine(d.release?.message ?? "")}
            </span>
            <span className="hidden shrink-0 sm:inline">
              {d.createdBy}
              {d.finishedAt && `, took ${duration(Date.parse(d.finishedAt) - Date.parse(d.createdAt))}`}
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}
