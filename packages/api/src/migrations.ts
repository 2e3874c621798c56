import { z } from "zod";

/** Migrations of a service's databases: what ran, what is to come, and what it waits for. */
const when = z.iso.datetime({ offset: true });
const phase = z.enum(["expand", "contract"]);

export const MigrationRun = z.object({
  file: z.string(),
  phase,
  sha256: z.string(),
  /** `running`: it was begun; whether it is done is known once the database was asked again. */
  state: z.enum(["running", "applied", "failed"]),
  words: z.string(),
  /** The release that brought it; null where the database had it already. */
  releaseId: z.string().nullable(),
  startedAt: when,
  finishedAt: when.nullable(),
  durationMs: z.int().nullable(),
});
export const SchemaDifference = z.object({
  file: z.string(),
  line: z.int(),
  /** Its kind and its name, such as `column leads.name`. */
  object: z.string(),
  words: z.string(),
});
export const SchemaView = z.object({
  environment: z.string(),
  /** The folder of the migrations. */
  folder: z.string(),
  /** In the order of their names; at most 2,000. */
  migrations: z.array(MigrationRun),
  /** The contract that comes next: null where none is left. */
  next: z.object({ file: z.string(), waits: z.string().nullable(), failed: z.boolean() }).nullable(),
  /** The schema that was there before Latchkey: null where none was taken over. */
  baseline: z
    .object({
      /** `taking`, `undoing`: it was begun and not finished. No migration runs until it is. */
      state: z.enum(["taking", "taken", "undoing"]),
      files: z.array(z.string()),
      differences: z.array(SchemaDifference),
      reason: z.string(),
      by: z.string(),
      takenAt: when,
    })
    .nullable(),
});
export type SchemaView = z.infer<typeof SchemaView>;

/** A file as the caller has it: by name and text. All together stay within the 16 MB of the request. */
const MigrationSource = z.strictObject({
  file: z
    .string()
    .max(200)
    .regex(/^[^/\\\p{Cc}]+\.sql$/u, "a file's name that ends in .sql, without a folder"),
  text: z.string().max(1_000_000),
});
const MigrationSources = z
  .array(MigrationSource)
  .min(1)
  .max(2_000)
  .refine((files) => new Set(files.map(({ file }) => file)).size === files.length, "each file once");
const environment = z.string().min(1).max(40).default("production");

/** Of each list at most 200 are shown; how many there are is said. */
const listed = <T extends z.ZodType>(item: T) => z.object({ total: z.int(), items: z.array(item) });
export const BaselineResult = z.object({
  environment: z.string(),
  /** `compared`: only looked at. `differs`: nothing was written. `was_baselined`: it had been, with the same files. */
  state: z.enum(["compared", "differs", "baselined", "was_baselined"]),
  files: z.array(z.object({ file: z.string(), sha256: z.string() })),
  /** How many tables, columns, indexes and other named things were looked up. */
  compared: z.int(),
  /** What the files make, and the database does not have so. */
  differences: listed(SchemaDifference),
  /** Tables and views that no file makes. A platform's own are left out. */
  unexplained: listed(z.string()),
  /** Statements whose effect has no name to look up, such as an INSERT: nobody has checked them. */
  untold: listed(z.object({ file: z.string(), line: z.int() })),
});
export type BaselineResult = z.infer<typeof BaselineResult>;

export const MigrationPlan = z.object({
  environment: z.string(),
  /** Why no release with these files would be deployed at all; null where nothing forbids it. */
  blocked: z.string().nullable(),
  /** In the order in which they would run. */
  files: z.array(
    z.object({
      file: z.string(),
      phase,
      /** `runs`: before the canary. `waits`: a contract. `refused`: the linter has found something. */
      state: z.enum(["applied", "baseline", "running", "changed", "refused", "runs", "waits"]),
      words: z.string(),
      findings: z.array(z.object({ line: z.int(), rule: z.string(), words: z.string() })),
      /** Those that it names and that are there; `rows` as PostgreSQL estimates them, null where it never counted. */
      tables: z.array(z.object({ table: z.string(), rows: z.int().nullable(), bytes: z.int() })),
    }),
  ),
});
export type MigrationPlan = z.infer<typeof MigrationPlan>;

export const migrationsContract = {
  planMigrations: {
    summary: "What would run in a database, and in which order, if a release with these files were deployed now",
    body: z.strictObject({ environment, files: MigrationSources }),
    status: 200,
    answers: MigrationPlan,
  },
  baselineSchema: {
    summary: "Take a schema that was made by hand as the beginning: its files count as applied, and are never run",
    body: z
      .strictObject({
        environment,
        files: MigrationSources,
        /** Go on although the database differs from the files. */
        accept: z.boolean().default(false),
        /** Why that is right: needed with `accept`. */
        reason: z.string().trim().max(300).default(""),
        dryRun: z.boolean().default(false),
      })
      .refine((body) => !body.accept || body.reason !== "", { path: ["reason"], message: "say why, with accept" }),
    status: 200,
    answers: BaselineResult,
  },
  dumpSchema: {
    summary:
      "The schema as it is, as SQL that can be kept as the file of a baseline; needs pg_dump where the server runs",
    query: z.object({ environment }),
    status: 200,
    answers: z.object({
      sql: z.string().nullable(),
      /** Why there is none, such as a pg_dump that is older than the database. */
      words: z.string(),
    }),
  },
  undoBaseline: {
    summary: "Take a baseline back, while no migration has run after it",
    body: z.strictObject({ environment, reason: z.string().trim().min(1).max(300) }),
    status: 200,
    answers: z.object({ words: z.string() }),
  },
  listMigrations: {
    summary: "What ran in the databases of a service, and which contract waits for what",
    status: 200,
    answers: z.object({ items: z.array(SchemaView) }),
  },
  contractSchema: {
    summary: "Run the next contract without waiting for the end of the rollback window",
    body: z.strictObject({
      environment: z.string().min(1).max(40).default("production"),
      file: z.string().min(1).max(200),
      reason: z.string().trim().min(1).max(300),
    }),
    status: 202,
    answers: z.object({ words: z.string() }),
  },
} as const;
