import type { Fact, FactValue, ThingKind } from "../history.ts";

/** What is wrong with something that was to be taken in: where it is, and what to do. Nothing of it is taken then. */
export interface ImportProblem {
  /** A field's path (`deploymentCommits[0].commitSha`), or a line and a column. */
  readonly place: string;
  readonly words: string;
}

export const problemLine = ({ place, words }: ImportProblem): string => (place === "" ? words : `${place}: ${words}`);

/** Which service, where, and who tells. */
export interface ImportContext {
  /** As in `Fact.source`. */
  readonly source: string;
  readonly service: string;
  readonly environment: string;
}

/** Makes a fact; what nobody has told of is left out of it, so that it is no word against what another one tells. */
export function factOf(o: {
  readonly source: string;
  readonly id: string;
  readonly kind: ThingKind;
  readonly key: string;
  readonly atMs: number;
  readonly rank?: number;
  readonly fields: Readonly<Record<string, FactValue | undefined>>;
}): Fact {
  const fields: Record<string, FactValue> = {};
  for (const [name, value] of Object.entries(o.fields)) if (value !== undefined && value !== null) fields[name] = value;
  // A clock that was never set, as in old repositories, tells of a time before all others.
  const atMs = Math.max(0, o.atMs);
  return { source: o.source, id: o.id, kind: o.kind, key: o.key, atMs, rank: o.rank ?? 0, fields };
}

/** An entry of a table by a name that somebody sent: what every object has (`constructor`) is none. */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
