import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { queries } from "../../api/queries.ts";
import type { Release, ReleaseSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Input } from "../../ui/Form.tsx";
import { bytes, plural } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { A, CopyButton, Mono } from "../../ui/Text.tsx";
import { type FileChange, type FileState, fileChanges, tally } from "./file-changes.ts";

const SHOWN_MAX = 500;
const MARKS: Record<FileState, { sign: string; tone: string }> = {
  added: { sign: "+", tone: "text-good" },
  changed: { sign: "~", tone: "text-warn" },
  removed: { sign: "−", tone: "text-bad" },
  same: { sign: "", tone: "text-muted" },
};

function Row({ file: f, compared }: { file: FileChange; compared: boolean }) {
  const { sign, tone } = MARKS[f.state];
  return (
    <tr className="border-t border-line">
      {compared && (
        <td className={`w-24 py-1.5 pl-4 text-xs font-medium whitespace-nowrap ${tone}`}>
          {sign && (
            <span aria-hidden className="mr-1.5 font-mono">
              {sign}
            </span>
          )}
          {f.state}
        </td>
      )}
      <td className={`px-4 py-1.5 ${f.state === "removed" ? "text-muted line-through" : ""}`}>
        <Mono className="break-all">{f.path}</Mono>
      </td>
      <td className="px-4 py-1.5 text-right whitespace-nowrap">
        {bytes(f.sizeBytes)}
        {f.state === "changed" && f.growth !== 0 && (
          <span className="ml-2 text-xs text-muted">
            {f.growth > 0 ? "+" : "−"}
            {bytes(Math.abs(f.growth))}
          </span>
        )}
      </td>
      <td className="hidden py-1 pr-3 pl-4 text-right whitespace-nowrap text-muted sm:table-cell">
        <Mono>{f.sha256.slice(0, 12)}</Mono> <CopyButton text={f.sha256} label={`Copy the hash of ${f.path}`} />
      </td>
    </tr>
  );
}

function summaryOf(counts: Record<FileState, number>): string {
  const parts = (["added", "changed", "removed"] as const).filter((s) => counts[s] > 0).map((s) => `${counts[s]} ${s}`);
  return parts.length > 0 ? parts.join(", ") : "no file differs";
}

/** The files, and how they differ from the release before. Filter and choice stand in the address. */
export function ReleaseFiles({ release, before }: { release: Release; before: ReleaseSummary | null }) {
  const { files: filter = "", show } = useSearch({ from: "/shell/releases/$releaseId" });
  const navigate = useNavigate({ from: "/releases/$releaseId" });
  const previous = useQuery({ ...queries.release(before?.id ?? ""), enabled: before !== null });
  const all = useMemo(
    () => fileChanges(release.files, previous.data?.files ?? null),
    [release.files, previous.data?.files],
  );
  const compared = previous.data !== undefined;
  const onlyChanged = compared && show === "changed";
  const wanted = all.filter((f) => f.path.includes(filter) && (!onlyChanged || f.state !== "same"));
  return (
    <Section
      title="Files"
      note={
        <>
          {plural(release.files.length, "file")}, {bytes(release.sizeBytes)}
          {before && compared && (
            <>
              {"; against "}
              <A href={to.release(before.id)} className="underline">
                #{before.number}
              </A>
              : {summaryOf(tally(all))}
            </>
          )}
        </>
      }
      actions={
        compared && (
          <Button
            size="small"
            aria-pressed={onlyChanged}
            onClick={() =>
              void navigate({
                search: (old) => ({ ...old, show: onlyChanged ? undefined : "changed" }),
                replace: true,
                resetScroll: false,
              })
            }
          >
            {onlyChanged ? "All files" : "Only differences"}
          </Button>
        )
      }
      flush
    >
      <div className="border-b border-line p-2">
        <Input
          type="search"
          aria-label="Filter files by path"
          placeholder="Filter by path"
          value={filter}
          onChange={(e) =>
            void navigate({
              search: (old) => ({ ...old, files: e.target.value || undefined }),
              replace: true,
              resetScroll: false,
            })
          }
        />
      </div>
      {wanted.length === 0 ? (
        <p className="m-0 px-4 py-6 text-center text-muted">
          {onlyChanged ? "No file differs from the release before." : "No path has that in it."}
        </p>
      ) : (
        <table className="w-full border-collapse">
          <caption className="sr-only">Files of release #{release.number}</caption>
          <thead className="sr-only">
            <tr>
              {compared && <th scope="col">Against the release before</th>}
              <th scope="col">Path</th>
              <th scope="col">Size</th>
              <th scope="col">SHA-256</th>
            </tr>
          </thead>
          <tbody className="[&>tr:first-child]:border-t-0">
            {wanted.slice(0, SHOWN_MAX).map((f) => (
              <Row key={`${f.path}${f.state}`} file={f} compared={compared} />
            ))}
          </tbody>
        </table>
      )}
      {wanted.length > SHOWN_MAX && (
        <p className="m-0 border-t border-line px-4 py-2 text-muted">
          {plural(wanted.length - SHOWN_MAX, "more file")}: filter by path to see them.
        </p>
      )}
    </Section>
  );
}
