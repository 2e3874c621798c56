import type { ReleaseSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { FaultBadge } from "../../ui/Badge.tsx";
import { Button, LinkButton } from "../../ui/Button.tsx";
import { bytes } from "../../ui/format.ts";
import { Ago, Mono } from "../../ui/Text.tsx";
import type { Place } from "../delivery/RollbackDialog.tsx";
import { ReleaseLabel } from "./ReleaseLabel.tsx";

interface Props {
  readonly items: readonly ReleaseSummary[];
  readonly serving: readonly string[];
  /** Environments that each release served before and can be gone back to, by its id. */
  readonly served: ReadonlyMap<string, readonly string[]>;
  readonly onBack: (place: Place) => void;
}

export function ReleaseList({ items, serving, served, onBack }: Props) {
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {items.map((r) => (
        <li key={r.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover">
          <div className="min-w-0 flex-1 basis-64">
            <ReleaseLabel release={r} />
            <div className="flex flex-wrap gap-x-3 text-xs text-muted">
              <span>{r.author}</span>
              <Ago at={r.createdAt} />
              <span>{bytes(r.sizeBytes)}</span>
              <Mono>{r.digest.slice(0, 12)}</Mono>
            </div>
          </div>
          <FaultBadge fault={r.fault} />
          {served.get(r.id)?.map((environment) => (
            <Button
              key={environment}
              size="small"
              aria-label={`Roll back ${environment} to #${r.number}`}
              onClick={() => onBack({ service: r.service, environment, releaseId: r.id })}
            >
              Roll back {environment}
            </Button>
          ))}
          {serving.includes(r.id) ? (
            <span className="text-xs font-medium text-good">serves now</span>
          ) : (
            <LinkButton size="small" href={to.ship(r.service, undefined, r.id)}>
              Roll out
            </LinkButton>
          )}
        </li>
      ))}
    </ul>
  );
}
