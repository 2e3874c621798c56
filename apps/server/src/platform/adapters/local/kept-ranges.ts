/** What git says of a folder between two commits. */
export type RangeAsk<T> = (folder: string, from: string | null, to: string | null) => Promise<T>;

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Asks once for each range: what lies between two commits never changes, and gates that wait are asked every few seconds. The
 * ranges used last are kept, at most `ranges` and so many characters together; what ends in a working tree, and null, is not.
 */
export function keptByRange<T>(
  ask: RangeAsk<T>,
  o: { readonly ranges: number; readonly characters: number },
): RangeAsk<T> {
  const kept = new Map<string, { readonly value: T; readonly characters: number }>();
  let characters = 0;
  const drop = (key: string): void => {
    characters -= kept.get(key)?.characters ?? 0;
    kept.delete(key);
  };
  return async (folder, from, to) => {
    const key = JSON.stringify([folder, from, to]);
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known);
      return known.value;
    }
    const value = await ask(folder, from, to);
    if (value === null || !COMMIT.test(to ?? "") || (from !== null && !COMMIT.test(from))) return value;
    const size = typeof value === "string" ? value.length : JSON.stringify(value).length;
    if (size > o.characters) return value;
    drop(key);
    kept.set(key, { value, characters: size });
    characters += size;
    for (const oldest of kept.keys()) {
      if (kept.size <= o.ranges && characters <= o.characters) break;
      drop(oldest);
    }
    return value;
  };
}
