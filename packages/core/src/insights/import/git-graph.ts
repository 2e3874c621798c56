/** One commit of `git log`. Times are milliseconds since 1970. */
export interface LoggedCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly authoredAtMs: number;
  readonly committedAtMs: number;
  readonly title: string;
  /** The message below the title. */
  readonly body: string;
}

/** A branch from its first commit to its tip, by first parents: what was its state, one after the other. */
export interface FirstParentLine {
  readonly commits: ReadonlyMap<string, LoggedCommit>;
  /** Oldest first. */
  readonly line: readonly LoggedCommit[];
  /** Where in `line` a commit stands. */
  readonly positionOf: ReadonlyMap<string, number>;
  /** What each place of the line brought: itself, and what it merged that was not there before (`git rev-list before..it`). */
  readonly brought: readonly (readonly string[])[];
  /** The place of the line that brought a commit. */
  readonly broughtAt: ReadonlyMap<string, number>;
}

/** Reads the line that ends at `tip`. Each commit is walked once, so it takes as long as the history is large. */
export function firstParentLine(log: readonly LoggedCommit[], tip: string): FirstParentLine {
  const commits = new Map(log.map((commit) => [commit.sha, commit]));
  const line: LoggedCommit[] = [];
  const positionOf = new Map<string, number>();
  for (let at = commits.get(tip); at; at = commits.get(at.parents[0] ?? "")) line.push(at);
  line.reverse();
  for (const [position, { sha }] of line.entries()) positionOf.set(sha, position);
  const broughtAt = new Map<string, number>();
  const brought = line.map(({ sha }, position) => {
    const here: string[] = [];
    const open = [sha];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const commit = commits.get(next);
      if (!commit || broughtAt.has(next)) continue;
      broughtAt.set(next, position);
      here.push(next);
      open.push(...commit.parents.toReversed());
    }
    return here;
  });
  return { commits, line, positionOf, brought, broughtAt };
}

const HEX = /^[0-9a-f]{7,64}$/;
const PREFIX = 7;

/** Finds a commit by its full name or by a beginning that only one has. */
export function commitFinder(commits: ReadonlyMap<string, LoggedCommit>): (name: string) => string | null {
  let byPrefix: Map<string, string[]> | null = null;
  return (name) => {
    const wanted = name.toLowerCase();
    if (!HEX.test(wanted)) return null;
    if (commits.has(wanted)) return wanted;
    if (!byPrefix) {
      byPrefix = new Map();
      for (const sha of commits.keys()) {
        const known = byPrefix.get(sha.slice(0, PREFIX));
        if (known) known.push(sha);
        else byPrefix.set(sha.slice(0, PREFIX), [sha]);
      }
    }
    const fit = (byPrefix.get(wanted.slice(0, PREFIX)) ?? []).filter((sha) => sha.startsWith(wanted));
    return fit.length === 1 ? (fit[0] ?? null) : null;
  };
}
