import type { LedgerEntry } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { A, Ago, Mono } from "../../ui/Text.tsx";
import { entryWords } from "./entry-words.ts";

/** Ledger entries as rows: number, type, what it says, who, when. */
export function EntryList({ items, compact = false }: { items: readonly LedgerEntry[]; compact?: boolean }) {
  return (
    <ol className="m-0 list-none divide-y divide-line p-0">
      {items.map((e) => (
        <li
          key={e.sequence}
          className={`relative grid grid-cols-[3rem_1fr_auto] gap-x-3 px-4 hover:bg-hover ${
            compact ? "py-1.5" : "py-2 md:grid-cols-[3.5rem_17rem_1fr_auto]"
          }`}
        >
          <A href={to.ledgerEntry(e.sequence)} className="font-mono text-xs leading-5 after:absolute after:inset-0">
            {e.sequence}
          </A>
          <Mono className="min-w-0 truncate leading-5 text-ink">{e.type}</Mono>
          {!compact && (
            <span className="col-span-2 col-start-2 row-start-2 min-w-0 truncate text-soft md:col-span-1 md:col-start-3 md:row-start-1">
              {entryWords(e)}
            </span>
          )}
          <span
            className={`col-start-3 row-start-1 text-right text-xs leading-5 whitespace-nowrap text-muted ${compact ? "" : "md:col-start-4"}`}
          >
            {!compact && <span className="hidden sm:inline">{e.actor.name} · </span>}
            <Ago at={e.recordedAt} />
          </span>
        </li>
      ))}
    </ol>
  );
}
