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
export const SchemaView = z.object({
  environment: z.string(),
  /** The folder of the migrations. */
  folder: z.string(),
  /** In the order of their names; at most 2,000. */
  migrations: z.array(MigrationRun),
  /** The contract that comes next: null where none is left. */
  next: z.object({ file: z.string(), waits: z.string().nullable(), failed: z.boolean() }).nullable(),
});
export type SchemaView = z.infer<typeof SchemaView>;

export const migrationsContract = {
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
