import type { Result } from "../../shared/result.ts";
import type { ParsedFile } from "./lint.ts";
import type { DatabaseObject } from "./objects.ts";
import type { Migration } from "./schema.ts";

/** A file of a release, with its text. */
export interface MigrationFile extends Migration {
  readonly text: string;
}

/** Reads the folder of a release's migrations. */
export interface MigrationReader {
  /** All `.sql` files in it, by name; or why they can't be read. */
  read(folder: string): Promise<Result<readonly MigrationFile[], string>>;
  /** What PostgreSQL's parser makes of one; or where it does not understand it. */
  parse(file: MigrationFile): Promise<Result<ParsedFile, string>>;
}

/**
 * What keeps a database from doing what it is asked. `unreachable`: nobody answers there. `refused`: not this user, or not this
 * database. `no_rights`: the user may not do that. `locked`: somebody else holds what it needs. `too_slow`: it took longer than it
 * may. `failed`: the statement itself.
 */
export type TroubleKind = "unreachable" | "refused" | "no_rights" | "locked" | "too_slow" | "failed";
export interface DatabaseTrouble {
  readonly kind: TroubleKind;
  /** What is wrong, and what to do. It names no password. */
  readonly words: string;
}

/** What became of one file: `lost`: the connection went, and nobody knows. */
export type MigrationOutcome =
  | { readonly kind: "applied"; readonly durationMs: number; readonly isNew: boolean }
  | { readonly kind: "failed"; readonly trouble: TroubleKind; readonly words: string }
  | { readonly kind: "lost"; readonly words: string };

export interface AppliedMigration extends Migration {
  /** It was there before Latchkey: taken as applied, and never run by it. */
  readonly isBaseline: boolean;
}
export interface TableSize {
  /** With its schema. */
  readonly table: string;
  /** As PostgreSQL's planner estimates it; null where it was never counted. */
  readonly rows: number | null;
  readonly bytes: number;
}

/** Runs migrations in a workload's database, and keeps there which ones ran. */
export interface Migrator {
  /** What ran in this database by its own account; or why it can't be asked. */
  applied(url: string): Promise<Result<readonly AppliedMigration[], DatabaseTrouble>>;
  /** Runs one file, once: asked again for one that ran, it does nothing. */
  apply(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<MigrationOutcome>;
  /** What the database holds, whoever made it. */
  objects(url: string): Promise<Result<readonly DatabaseObject[], DatabaseTrouble>>;
  /** How large tables are, as far as the database has counted. Tables that are not there are left out. */
  sizes(url: string, tables: readonly string[]): Promise<Result<readonly TableSize[], DatabaseTrouble>>;
  /** The schema as SQL, without data and a platform's own schemas; or why it can't be had, such as without `pg_dump`. */
  dump(url: string): Promise<Result<string, DatabaseTrouble>>;
  /**
   * Takes exactly these files as applied without running them; asked again, it does nothing. Answers a file that did run, which
   * keeps it from that; null when it is done.
   */
  markBaseline(url: string, files: readonly Migration[]): Promise<Result<string | null, DatabaseTrouble>>;
  /** Takes that back, unless a file ran since: answers its name then, and changes nothing. */
  forgetBaseline(url: string): Promise<Result<string | null, DatabaseTrouble>>;
}
