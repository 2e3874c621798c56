import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface CallbackRow {
  readonly deployment_id: string;
  readonly gate: string;
  readonly status: "passed" | "failed" | null;
  readonly words: string;
}

/** Before the other system is asked, so that even an answer that overtakes ours finds its token. Asked again, the older token is void. */
export const openCallback = operation(
  "openCallback",
  async (
    tx: Executor,
    of: { readonly deploymentId: string; readonly gate: string; readonly tokenHash: string },
  ): Promise<void> => {
    await sql`insert into gate_callback (deployment_id, gate, token_hash) values (${of.deploymentId}, ${of.gate}, ${of.tokenHash})
      on conflict (deployment_id, gate) do update set token_hash = excluded.token_hash, asked_at = now()
      where gate_callback.status is null`.execute(tx);
  },
);

export const findCallback = operation(
  "findCallback",
  async (db: Executor, deploymentId: string, gate: string): Promise<CallbackRow | null> => {
    const found = await sql<CallbackRow>`select deployment_id, gate, status, words from gate_callback
      where deployment_id = ${deploymentId} and gate = ${gate}`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** Takes an answer once. Answers the project; null when the token is not this gate's, or was used. */
export const answerCallback = operation(
  "answerCallback",
  async (
    tx: Executor,
    of: {
      readonly deploymentId: string;
      readonly gate: string;
      readonly tokenHash: string;
      readonly status: "passed" | "failed";
      readonly words: string;
    },
  ): Promise<string | null> => {
    const done = await sql<{
      project: string;
    }>`update gate_callback c set status = ${of.status}, words = ${of.words}, answered_at = now()
      from deployment d where d.id = c.deployment_id and d.status = 'gating'
        and c.deployment_id = ${of.deploymentId} and c.gate = ${of.gate} and c.token_hash = ${of.tokenHash}
        and c.status is null returning d.project`.execute(tx);
    return done.rows[0]?.project ?? null;
  },
);

/** Answers of deployments that have long ended. */
export const forgetOldCallbacks = operation("forgetOldCallbacks", async (db: Executor): Promise<void> => {
  await sql`delete from gate_callback where asked_at < now() - interval '60 days'`.execute(db);
});
