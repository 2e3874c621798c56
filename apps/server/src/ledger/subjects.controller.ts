import type { Transaction } from "../platform/database.ts";
import { type NewEvent, record } from "./record.ts";
import { destroyKey } from "./subjects.store.ts";
import { ERASURE } from "./subjects.ts";

/** Erases a person, and records that with the id only. False when that was done before, or nobody is called so. */
export async function eraseSubject(
  tx: Transaction,
  subjectId: string,
  by: Pick<NewEvent, "project" | "actor"> & { readonly because?: string },
): Promise<boolean> {
  if (!(await destroyKey(tx, subjectId))) return false;
  await record(tx, {
    type: ERASURE,
    subject: `subject/${subjectId}`,
    project: by.project,
    actor: by.actor,
    data: by.because === undefined ? {} : { words: by.because },
  });
  return true;
}
