/** The name that was probably meant: the nearest of `known` by edit distance, or null when none is near. */
export function nearest(given: string, known: readonly string[]): string | null {
  const wanted = plain(given);
  let best: { name: string; distance: number } | null = null;
  for (const name of known) {
    const distance = editDistance(wanted, plain(name));
    if (best === null || distance < best.distance) best = { name, distance };
  }
  if (best === null) return null;
  // A third of the letters may be wrong; a name that goes on where the given one ends is meant too (timeout, timeoutMs).
  const near = best.distance <= Math.max(1, Math.floor(wanted.length / 3));
  if (near) return best.name;
  const longer = wanted.length >= 3 && known.find((name) => plain(name).startsWith(wanted));
  return longer || null;
}

/** "Did you mean ...?" with a leading space, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const name = nearest(given, known);
  return name === null ? "" : ` Did you mean ${name}?`;
}

const plain = (name: string): string => name.toLowerCase().replace(/[-_ ]/g, "");

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
