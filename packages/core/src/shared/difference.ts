/** Differences of two JSON values, leaf by leaf: what a person reviews before applying a configuration. */
export interface Change {
  /** Dotted path, array places as numbers: strategy.steps.0.bakeMs. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

const isBranch = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Sorted by path. A value that is missing on one side is null there. */
export function differences(before: unknown, after: unknown, path = ""): Change[] {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], path === "" ? key : `${path}.${key}`));
  }
  if (!isBranch(before) && isBranch(after)) {
    const keys = Object.keys(after).sort();
    if (keys.length > 0)
      return keys.flatMap((key) => differences(undefined, after[key], path === "" ? key : `${path}.${key}`));
  }
  if (JSON.stringify(before ?? null) === JSON.stringify(after ?? null)) return [];
  return [{ path, before: before ?? null, after: after ?? null }];
}
