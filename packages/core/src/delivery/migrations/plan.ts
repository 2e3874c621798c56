import type { LintFinding, ParsedFile } from "./lint.ts";
import { list, type Node, node, tableOf, text } from "./nodes.ts";
import { byName, type Migration, type MigrationPhase, type SchemaState } from "./schema.ts";

/** How many files there are of each phase, in words. */
export function phaseWords(phases: readonly MigrationPhase[]): string {
  const contracts = phases.filter((phase) => phase === "contract").length;
  const all = `${phases.length} ${phases.length === 1 ? "migration" : "migrations"}`;
  if (contracts === 0) return all;
  return contracts === phases.length ? `${all}, contract` : `${all}, ${contracts} of them contract`;
}

/** What would become of a file if a release with it were deployed now. */
export type PlannedState = "applied" | "baseline" | "running" | "changed" | "refused" | "runs" | "waits";
export interface PlannedFile extends Migration {
  readonly state: PlannedState;
  /** Why, in a sentence. */
  readonly words: string;
  readonly findings: readonly LintFinding[];
}
export interface PlanQuestion {
  readonly files: readonly Migration[];
  readonly known: readonly SchemaState[];
  readonly baseline: readonly Migration[];
  readonly findingsOf: (file: string) => readonly LintFinding[];
  /** Why a contract can't run now; null where it runs once the release with it serves. */
  readonly waitsOf: (contract: Migration) => string | null;
}

/** The files in the order in which they would run. What is applied is not looked at again: it can't be changed any more. */
export function planOf(q: PlanQuestion): readonly PlannedFile[] {
  const taken = new Set(q.baseline.map(({ file }) => file));
  return [...q.files].sort(byName).map((migration) => {
    const known = q.known.find(({ file }) => file === migration.file);
    const planned = (state: PlannedState, words: string, findings: readonly LintFinding[] = []): PlannedFile => ({
      ...{ ...migration, state, words, findings },
    });
    if (known && known.state !== "failed" && known.sha256 !== migration.sha256)
      return planned("changed", "It was changed after it ran. Put it back, and write what is new into a new file.");
    if (known?.state === "applied")
      return taken.has(migration.file)
        ? planned("baseline", "It was there before Latchkey, and is never run.")
        : planned("applied", "It ran.");
    const findings = q.findingsOf(migration.file);
    if (findings.length > 0) return planned("refused", "The gate refuses it, and the whole release with it.", findings);
    if (known?.state === "running") return planned("running", "It was begun; the database is asked what became of it.");
    if (migration.phase === "expand") {
      const again = known?.state === "failed" ? " It failed the last time." : "";
      return planned("runs", `It runs before the canary starts.${again}`);
    }
    return planned("waits", q.waitsOf(migration) ?? "It runs by itself once the release that brings it serves.");
  });
}

/** The tables that a file's statements name, with their schemas. */
export function touchedTables(parsed: ParsedFile): readonly string[] {
  const names = parsed.statements.flatMap(({ node: statement }) =>
    Object.entries(statement).flatMap(([kind, body]) => tablesOf(kind, node(body))),
  );
  return [...new Set(names.map((name) => (name.includes(".") ? name : `public.${name}`)))].sort();
}

function tablesOf(kind: string, body: Node): readonly string[] {
  if (kind === "DropStmt" && text(body.removeType) === "OBJECT_TABLE")
    return list(body.objects).map((object) =>
      list(node(object.List).items)
        .map((part) => text(node(part.String).sval))
        .join("."),
    );
  if (kind === "TruncateStmt") return list(body.relations).map((relation) => tableOf({ relation: relation.RangeVar }));
  // What is only made has no rows yet.
  if (kind === "CreateStmt" || kind === "ViewStmt") return [];
  const name = tableOf(body);
  return name === "" ? [] : [name];
}
