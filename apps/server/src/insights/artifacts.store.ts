import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Which commits artifacts were made of. */
export const commitsOfArtifacts = operation(
  "commitsOfArtifacts",
  async (db: Executor, project: string, artifacts: readonly string[]): Promise<Map<string, string>> => {
    const found = await sql<{ artifact: string; commit_sha: string }>`select artifact, commit_sha from insight_artifact
      where project = ${project} and artifact = any(${[...artifacts]})`.execute(db);
    return new Map(found.rows.map((row) => [row.artifact, row.commit_sha]));
  },
);
/** Notes what an artifact was made of; answers the deployments of it that are known. */
export const saveArtifact = operation(
  "saveArtifact",
  async (tx: Executor, project: string, artifact: string, commit: string): Promise<string[]> => {
    await sql`insert into insight_artifact (project, artifact, commit_sha) values (${project}, ${artifact}, ${commit})
      on conflict (project, artifact) do update set commit_sha = excluded.commit_sha`.execute(tx);
    const found = await sql<{ key: string }>`select key from insight_thing
      where project = ${project} and kind = 'deployment' and registers -> 'artifact' ->> 'value' = ${artifact}`.execute(
      tx,
    );
    return found.rows.map(({ key }) => key);
  },
);
