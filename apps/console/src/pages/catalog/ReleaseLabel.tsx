import type { ReleaseSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { firstLine, shortCommit } from "../../ui/format.ts";
import { A, Mono } from "../../ui/Text.tsx";

/** A release by its number and what it was made of. */
export function ReleaseLabel({ release, long = true }: { release: ReleaseSummary; long?: boolean }) {
  return (
    <span className="flex min-w-0 items-baseline gap-2">
      <A href={to.release(release.id)} className="shrink-0 font-medium">
        #{release.number}
      </A>
      {long && <span className="min-w-0 truncate text-soft">{firstLine(release.message) || "no message"}</span>}
      <Mono className="shrink-0 text-muted">{shortCommit(release.commit)}</Mono>
      {release.dirty && (
        <span className="shrink-0 text-xs text-warn" title="Built with changes that were not committed">
          uncommitted
        </span>
      )}
    </span>
  );
}
