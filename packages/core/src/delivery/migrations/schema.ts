/** What a release's files do to the database: `expand` adds, `contract` takes away what older releases may need. */
export type MigrationPhase = "expand" | "contract";
export interface Migration {
  /** Its name in the folder; the order of names is the order of files. */
  readonly file: string;
  readonly phase: MigrationPhase;
  readonly sha256: string;
}
/** What is known of a file in a database. `running`: it may have changed the schema already. */
export interface SchemaState extends Migration {
  readonly state: "running" | "applied" | "failed";
}

const HEADER = /^--\s*latchkey:\s*(expand|contract)\s*$/im;
const NAME = /(^|[-_.])contract([-_.]|$)/i;

/** A header comment (`-- latchkey: contract`) says it, else the name (`0007-contract-email.sql`), else it expands. */
export function phaseOf(file: string, text: string): MigrationPhase {
  const said = HEADER.exec(text)?.[1]?.toLowerCase();
  if (said === "expand" || said === "contract") return said;
  return NAME.test(file) ? "contract" : "expand";
}

export const byName = (a: { readonly file: string }, b: { readonly file: string }): number =>
  a.file < b.file ? -1 : a.file > b.file ? 1 : 0;

/** Whether a file's effect must be reckoned with. */
const isThere = (row: SchemaState): boolean => row.state !== "failed";

/** A file that was applied and then changed: what the database holds is not what the file says. Null when there is none. */
export function changedFile(own: readonly Migration[], known: readonly SchemaState[]): Migration | null {
  return own.find((m) => known.some((k) => k.file === m.file && isThere(k) && k.sha256 !== m.sha256)) ?? null;
}

/** The files of a phase that are still to run, in their order. */
export function pendingOf(
  own: readonly Migration[],
  known: readonly SchemaState[],
  phase: MigrationPhase,
): readonly Migration[] {
  const done = new Set(known.filter((k) => k.state === "applied").map(({ file }) => file));
  return own.filter((m) => m.phase === phase && !done.has(m.file)).sort(byName);
}

/**
 * The contract that keeps a release from being served: one that ran, or may have run, and that the release does not know.
 * A release that knows a contract was written to do without what it takes away. Null when it may be served.
 */
export function contractedBeyond(own: readonly Migration[], known: readonly SchemaState[]): SchemaState | null {
  const knows = new Set(own.map(({ file }) => file));
  return known.find((k) => k.phase === "contract" && isThere(k) && !knows.has(k.file)) ?? null;
}

/** A release that visitors may still be sent back to. */
export interface ReachableRelease {
  readonly number: number;
  readonly migrations: readonly Migration[];
  /** When the rollback window behind it ends; null for one that serves. */
  readonly reachableUntilMs: number | null;
}
export interface ContractQuestion {
  readonly migration: Migration;
  readonly reachable: readonly ReachableRelease[];
  /** A deployment under way, holdback included: its old release may be needed at any moment. */
  readonly isUnderWay: boolean;
  /** A person said that the window need not be waited for. */
  readonly isAskedFor: boolean;
  readonly nowMs: number;
}

/** Why a contract can't run yet: a sentence. Null when it may. */
export function whyNotContract(q: ContractQuestion): string | null {
  if (q.isUnderWay) return "A deployment is under way: its old release may be needed.";
  const needing = q.reachable.filter(({ migrations }) => !migrations.some(({ file }) => file === q.migration.file));
  const serving = needing.find(({ reachableUntilMs }) => reachableUntilMs === null);
  if (serving) return `Release ${serving.number} serves and does not know this file.`;
  if (q.isAskedFor) return null;
  const last = needing
    .filter(({ reachableUntilMs }) => (reachableUntilMs ?? 0) > q.nowMs)
    .sort((a, b) => (b.reachableUntilMs ?? 0) - (a.reachableUntilMs ?? 0))[0];
  if (!last) return null;
  const minutes = Math.ceil(((last.reachableUntilMs ?? 0) - q.nowMs) / 60_000);
  return `Release ${last.number} needs the schema before it, and is in its rollback window for ${minutes} more minutes.`;
}
