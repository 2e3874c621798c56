import type { Change } from "@latchkey/core/shared/difference";

/** An entry holds 64 KiB, a change of a long definition may have more: then the paths alone, the hash says the rest. */
const TOLD_CHARACTERS_MAX = 20_000;
/** What an entry of the ledger says of changes. */
export function told(
  changes: readonly Change[],
): { readonly changes: readonly Change[] } | { readonly paths: string[] } {
  // Who owns a flag may be a person: names are not written into the ledger in clear.
  const shown = changes.map((change) =>
    change.path === "owner" ? { path: "owner", before: null, after: null } : change,
  );
  return JSON.stringify(shown).length <= TOLD_CHARACTERS_MAX
    ? { changes: shown }
    : { paths: shown.slice(0, 200).map((change) => change.path.slice(0, 80)) };
}
