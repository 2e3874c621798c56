import type { Answer } from "@latchkey/api/client";
import { actorOf } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { eraseSubject } from "./subjects.controller.ts";
import { findSubjects, listSubjects, type SubjectRow } from "./subjects.store.ts";
import { ERASED, type Subjects } from "./subjects.ts";

const present = (row: SubjectRow): Answer<"listSubjects">["items"][number] => ({
  id: row.id,
  name: row.sealed_name ?? ERASED,
  createdAt: row.created_at.toISOString(),
  erasedAt: row.erased_at?.toISOString() ?? null,
});

export function registerSubjects(http: Http, o: { database: Database; subjects: Subjects }): void {
  const { db } = o.database;
  route(http, "listSubjects", async ({ query }) => {
    const rows = await listSubjects(db, query.cursor, query.limit);
    return { items: rows.map(present), next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null };
  });

  const viewOf = async (id: string) => {
    const [row] = await findSubjects(db, [id]);
    if (!row)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `There is no person "${id}" in the records.`,
        remedy: "`latchkey ledger subjects` lists them with their ids.",
      });
    return present(row);
  };
  route(
    http,
    "eraseSubject",
    async ({ params, principal, project, remember }) => {
      const { subjectId } = params;
      await viewOf(subjectId);
      await o.database.transaction(async (tx) => {
        const actor = actorOf(principal);
        await eraseSubject(tx, subjectId, { project, actor });
        await remember(tx, subjectId);
      });
      o.subjects.forget();
      return viewOf(subjectId);
    },
    viewOf,
  );
}
