import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface Joined {
  readonly source: string;
  readonly deployment: string;
  readonly artifact: string;
  readonly commit: string;
  readonly atMs: number;
}

/** Deployments of artifacts with the commits that these were made of, where both are known. */
export const commitsOfArtifacts = operation(
  "commitsOfArtifacts",
  async (db: Executor, project: string, artifacts: readonly string[]): Promise<Joined[]> => {
    if (artifacts.length === 0) return [];
    const found = await sql<Joined>`select distinct d.source, d.key as deployment, d.fields ->> 'artifact' as artifact,
        c.key as commit, greatest(d.at_ms, c.at_ms) as "atMs"
      from insight_fact d join insight_fact c on c.project = d.project and c.fields ? 'artifact'
        and c.fields ->> 'artifact' = d.fields ->> 'artifact' and c.kind = 'commit'
      where d.project = ${project} and d.kind = 'deployment' and d.fields ? 'artifact'
        and d.fields ->> 'artifact' = any(${[...artifacts]})`.execute(db);
    return found.rows;
  },
);
