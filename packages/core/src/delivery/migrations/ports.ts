import type { Result } from "../../shared/result.ts";
import type { ParsedFile } from "./lint.ts";
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

/** What became of one file: `lost`: the connection went, and nobody knows. */
export type MigrationOutcome =
  | { readonly kind: "applied"; readonly durationMs: number; readonly isNew: boolean }
  | { readonly kind: "failed" | "lost"; readonly words: string };

/** Runs migrations in a workload's database, and keeps there which ones ran. */
export interface Migrator {
  /** What ran in this database by its own account; or why it can't be asked. */
  applied(url: string): Promise<Result<readonly Migration[], string>>;
  /** Runs one file, once: asked again for one that ran, it does nothing. */
  apply(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<MigrationOutcome>;
}
