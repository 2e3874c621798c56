import type { FlagVersion } from "../../api/types.ts";
import { Mono } from "../../ui/Text.tsx";

const plain = (value: unknown): string => (value === null || value === undefined ? "nothing" : JSON.stringify(value));

/** What is different, place by place: before and after. */
export function FlagChanges({ changes, most }: { changes: FlagVersion["changes"]; most: number }) {
  return (
    <ul className="m-0 flex list-none flex-col gap-0.5 p-0 text-xs">
      {changes.slice(0, most).map((change) => (
        <li key={change.path} className="break-words text-soft">
          <Mono>{change.path || "all of it"}</Mono>: <del className="text-muted">{plain(change.before)}</del>{" "}
          <span aria-hidden>→</span> <ins className="text-ink no-underline">{plain(change.after)}</ins>
        </li>
      ))}
      {changes.length > most && <li className="text-muted">and {changes.length - most} more</li>}
    </ul>
  );
}
