/** Paths as Netlify writes them: `/news/:year/*`. Matching does not mind a slash at the end. */
export type Captured = Readonly<Record<string, string>>;

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a pattern captures of a path: placeholders by name, the rest of a final star as `splat`; null when it does not match. */
export function matchPath(pattern: string, path: string): Captured | null {
  const wanted = partsOf(pattern);
  const given = partsOf(path);
  const captured: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part === "*") {
      captured.splat = given.slice(i).join("/");
      return captured;
    }
    const here = given[i];
    if (here === undefined) return null;
    if (part.startsWith(":")) captured[part.slice(1)] = decoded(here);
    else if (part !== here && part !== decoded(here)) return null;
  }
  return wanted.length === given.length ? captured : null;
}

/** Fills `:splat` and other placeholders in; names that captured nothing stay as they are. */
export function fillIn(target: string, captured: Captured): string {
  return target.replace(/:([A-Za-z_][A-Za-z0-9_]*)/g, (whole: string, name: string) => captured[name] ?? whole);
}

/** The same for query parameters: `id = ":id"` captures, `page = "1"` must be equal. */
export function matchQuery(wanted: Readonly<Record<string, string>>, given: URLSearchParams): Captured | null {
  const captured: Record<string, string> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const here = given.get(name);
    if (here === null) return null;
    if (value.startsWith(":")) captured[value.slice(1)] = here;
    else if (value !== here) return null;
  }
  return captured;
}
