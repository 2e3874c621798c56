import { subjectOf } from "@latchkey/core/shared/sealed";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface PersonRow {
  readonly id: string;
  readonly project: string;
  /** Sealed. */
  readonly name: string;
  readonly subject_id: string;
  readonly role: "owner" | "deployer" | "viewer";
  readonly raci: readonly string[];
  /** Sealed, each. */
  readonly commit_names: readonly string[];
  readonly github_login: string | null;
  readonly created_at: Date;
  readonly removed_at: Date | null;
}
const COLUMNS = sql`id, project, name, subject_id, role, raci, commit_names, github_login, created_at, removed_at`;
type Given = Omit<PersonRow, "created_at" | "removed_at">;

/** All that a person is known by in what others wrote down: approvals go by it. */
export const knownBy = (row: PersonRow): string[] => [
  row.id,
  row.subject_id,
  ...[...row.commit_names, row.github_login ?? ""].flatMap((name) => subjectOf(name) ?? []),
];

/** False when there is one of that name already. */
export const insertPerson = operation("insertPerson", async (tx: Executor, row: Given): Promise<boolean> => {
  const made = await sql`insert into person (id, project, name, subject_id, role, raci, commit_names, github_login)
    values (${row.id}, ${row.project}, ${row.name}, ${row.subject_id}, ${row.role}, ${[...row.raci]}, ${[...row.commit_names]},
      ${row.github_login})
    on conflict (project, subject_id) where removed_at is null do nothing returning id`.execute(tx);
  return made.rows.length > 0;
});

export const updatePerson = operation("updatePerson", async (tx: Executor, row: Given): Promise<void> => {
  await sql`update person set role = ${row.role}, raci = ${[...row.raci]}, commit_names = ${[...row.commit_names]},
    github_login = ${row.github_login} where id = ${row.id}`.execute(tx);
});

export const removePerson = operation("removePerson", async (tx: Executor, id: string): Promise<void> => {
  await sql`update person set removed_at = now() where id = ${id} and removed_at is null`.execute(tx);
});

/** With the row's lock, so that of two changes at once the second sees the first. */
export const lockPerson = operation(
  "lockPerson",
  async (tx: Executor, project: string, id: string): Promise<PersonRow | null> => {
    const found =
      await sql<PersonRow>`select ${COLUMNS} from person where project = ${project} and id = ${id} and removed_at is null for update`.execute(
        tx,
      );
    return found.rows[0] ?? null;
  },
);

export const findPeople = operation(
  "findPeople",
  async (db: Executor, ids: readonly string[]): Promise<PersonRow[]> => {
    if (ids.length === 0) return [];
    return (await sql<PersonRow>`select ${COLUMNS} from person where id = any(${[...ids]})`.execute(db)).rows;
  },
);

export const findPersonBySubject = operation(
  "findPersonBySubject",
  async (db: Executor, project: string, subjectId: string): Promise<PersonRow | null> => {
    const found =
      await sql<PersonRow>`select ${COLUMNS} from person where project = ${project} and subject_id = ${subjectId} and removed_at is null`.execute(
        db,
      );
    return found.rows[0] ?? null;
  },
);

/** Those who are there, oldest first; `after` is the id of the last of the page before. */
export const listPeople = operation(
  "listPeople",
  async (db: Executor, project: string, after: string | undefined, limit: number): Promise<PersonRow[]> => {
    const found = await sql<PersonRow>`select ${COLUMNS} from person
      where project = ${project} and removed_at is null and (${after ?? null}::text is null or id > ${after ?? null})
      order by id limit ${limit}`.execute(db);
    return found.rows;
  },
);

export const countOwners = operation("countOwners", async (db: Executor, project: string): Promise<number> => {
  const found = await sql<{ n: number }>`select count(*)::int as n from person
    where project = ${project} and role = 'owner' and removed_at is null`.execute(db);
  return found.rows[0]?.n ?? 0;
});
