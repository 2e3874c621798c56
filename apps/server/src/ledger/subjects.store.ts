import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** People that the records speak of, and their keys. */
export interface SubjectRow {
  readonly id: string;
  readonly sealed_name: string | null;
  readonly wrapped_key: Buffer | null;
  readonly created_at: Date;
  readonly erased_at: Date | null;
}
const COLUMNS = sql`id, sealed_name, wrapped_key, created_at, erased_at`;

export const findSubjectByName = operation(
  "findSubjectByName",
  async (db: Executor, nameHash: Buffer): Promise<SubjectRow | null> => {
    const found = await sql<SubjectRow>`select ${COLUMNS} from data_subject where name_hash = ${nameHash}`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** False when another was quicker with the same name. */
export const insertSubject = operation(
  "insertSubject",
  async (
    db: Executor,
    row: { readonly id: string; readonly nameHash: Buffer; readonly sealedName: string; readonly wrappedKey: Buffer },
  ): Promise<boolean> => {
    const made = await sql`insert into data_subject (id, name_hash, sealed_name, wrapped_key)
      values (${row.id}, ${row.nameHash}, ${row.sealedName}, ${row.wrappedKey})
      on conflict (name_hash) do nothing returning id`.execute(db);
    return made.rows.length > 0;
  },
);

export const findSubjects = operation(
  "findSubjects",
  async (db: Executor, ids: readonly string[]): Promise<SubjectRow[]> => {
    const found = await sql<SubjectRow>`select ${COLUMNS} from data_subject where id = any(${[...ids]})`.execute(db);
    return found.rows;
  },
);

/** Newest first; `before` is the id of the last of the page before. */
export const listSubjects = operation(
  "listSubjects",
  async (db: Executor, before: string | undefined, limit: number): Promise<SubjectRow[]> => {
    const found = await sql<SubjectRow>`select ${COLUMNS} from data_subject
      where ${before ?? null}::text is null or id < ${before ?? null} order by id desc limit ${limit}`.execute(db);
    return found.rows;
  },
);

/** Destroys a person's key, and what the person was found by. False when that was done before. */
export const destroyKey = operation("destroyKey", async (tx: Executor, id: string): Promise<boolean> => {
  const done = await sql`update data_subject
    set wrapped_key = null, name_hash = null, sealed_name = null, erased_at = now()
    where id = ${id} and erased_at is null returning id`.execute(tx);
  return done.rows.length > 0;
});

/** Which key-encryption key is in use: the given one when none was so far. */
export const bindKeyEncryption = operation(
  "bindKeyEncryption",
  async (db: Executor, keyId: string): Promise<string> => {
    await sql`insert into subject_key_encryption (key_id) values (${keyId}) on conflict do nothing`.execute(db);
    const found = await sql<{ key_id: string }>`select key_id from subject_key_encryption`.execute(db);
    return found.rows[0]?.key_id ?? "";
  },
);
export const boundKeyEncryption = operation("boundKeyEncryption", async (db: Executor): Promise<string | null> => {
  const found = await sql<{ key_id: string }>`select key_id from subject_key_encryption`.execute(db);
  return found.rows[0]?.key_id ?? null;
});

/** Another key-encryption key from now on. What the old one wrapped can't be read again: everybody is erased. */
export const replaceKeyEncryption = operation(
  "replaceKeyEncryption",
  async (tx: Executor, from: string, to: string): Promise<number | null> => {
    const changed =
      await sql`update subject_key_encryption set key_id = ${to} where key_id = ${from} returning 1`.execute(tx);
    if (changed.rows.length === 0) return null;
    const erased = await sql`update data_subject
      set wrapped_key = null, name_hash = null, sealed_name = null, erased_at = now()
      where erased_at is null returning id`.execute(tx);
    return erased.rows.length;
  },
);
