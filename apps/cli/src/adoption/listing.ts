/** The files of a repository, as adoption looks at them: paths with slashes from its root, and the text of those that are read. */
export interface Listing {
  readonly paths: readonly string[];
  /** Null for what is not there, too large, or no text. */
  text(path: string): string | null;
}

/** A listing of texts: for tests, and for what was read before. */
export function listingOf(files: Readonly<Record<string, string>>): Listing {
  return {
    paths: Object.keys(files).sort(),
    text: (path) => (Object.hasOwn(files, path) ? (files[path] ?? null) : null),
  };
}
