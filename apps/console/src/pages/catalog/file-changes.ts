import type { Release } from "../../api/types.ts";

/** What became of each file between two releases, by its hash. */
export type FileState = "added" | "changed" | "removed" | "same";
export interface FileChange {
  readonly path: string;
  readonly state: FileState;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Bytes more (or fewer) than before. */
  readonly growth: number;
}

type File = Release["files"][number];

/** Sorted by path. Without a release before, everything is "same": there is nothing to compare with. */
export function fileChanges(now: readonly File[], before: readonly File[] | null): FileChange[] {
  const old = new Map((before ?? now).map((f) => [f.path, f]));
  const changes = now.map((f): FileChange => {
    const was = old.get(f.path);
    old.delete(f.path);
    const state = !was ? "added" : was.sha256 === f.sha256 ? "same" : "changed";
    return { ...f, state, growth: f.sizeBytes - (was?.sizeBytes ?? 0) };
  });
  for (const f of old.values()) changes.push({ ...f, state: "removed", growth: -f.sizeBytes });
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function tally(changes: readonly FileChange[]): Record<FileState, number> {
  const counts: Record<FileState, number> = { added: 0, changed: 0, removed: 0, same: 0 };
  for (const c of changes) counts[c.state] += 1;
  return counts;
}
