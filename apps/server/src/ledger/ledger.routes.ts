import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import type { Signer } from "./checkpoints.ts";
import { entriesBefore, findEntry, outboxEnd, waitsForNumber } from "./ledger.store.ts";
import { type LedgerEntry, presentEntry, viewCheckpoint } from "./ledger.view.ts";
import { viewConsistency, viewProof } from "./proofs.view.ts";
import type { Subjects } from "./subjects.ts";
import { verifyLedger } from "./verification.view.ts";

/** What was done is numbered within two rounds of 50 ms; a server that does not get to it is not waited for longer. */
const NUMBERED_WITHIN_MS = 1_000;
const AGAIN_MS = 10;

/**
 * Whoever did something and then looks into the ledger finds it there: what was committed before the question is numbered
 * before the answer.
 */
async function untilNumbered(db: Database["db"]): Promise<void> {
  const end = await outboxEnd(db);
  if (end === null) return;
  const until = systemClock.monotonic() + NUMBERED_WITHIN_MS;
  while (systemClock.monotonic() < until && (await waitsForNumber(db, end)))
    await new Promise<void>((resolve) => systemClock.after(AGAIN_MS, resolve));
}

export function registerLedger(http: Http, o: { database: Database; signer: Signer; subjects: Subjects }): void {
  const { db } = o.database;
  const numberOf = (text: string, field = "sequence"): number => {
    if (!/^\d{1,15}$/.test(text))
      throw new ProblemError("LK_INVALID", {
        detail: `${field} must be a whole number.`,
        fields: [{ field, message: "a whole number from 0" }],
      });
    return Number(text);
  };
  const missing = (sequence: string) => new ProblemError("LK_NOT_FOUND", { detail: `There is no entry ${sequence}.` });

  route(http, "listLedger", async ({ project, query }) => {
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.cursor, "cursor");
    if (query.cursor === undefined) await untilNumbered(db);
    const rows = await entriesBefore(db, project, {
      before,
      type: query.type,
      subject: query.subject,
      limit: query.limit,
    });
    return { items: rows.map(presentEntry), next: rows.length === query.limit ? String(rows.at(-1)?.sequence) : null };
  });
  route(http, "getLedgerEntry", async ({ params, project }) => {
    const row = await findEntry(db, numberOf(params.sequence));
    const entry = row && presentEntry(row);
    if (entry?.project !== project) throw missing(params.sequence);
    return entry;
  });
  route(http, "getLedgerProof", async ({ params, project }) => {
    const proof = await viewProof(db, o.signer, numberOf(params.sequence));
    if (proof?.entry.project !== project) {
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `There is no entry ${params.sequence} under a signed checkpoint.`,
        remedy: "A checkpoint is signed within a second of an entry: ask again.",
      });
    }
    // The bytes that were hashed stay as they are; what is shown beside them is what they say.
    return { ...proof, entry: JSON.parse(await o.subjects.open(JSON.stringify(proof.entry))) as LedgerEntry };
  });
  route(http, "getCheckpoint", async () => {
    const checkpoint = await viewCheckpoint(db, o.signer);
    if (!checkpoint) throw new ProblemError("LK_NOT_FOUND", { detail: "Nothing is signed yet: the ledger is empty." });
    return checkpoint;
  });
  route(http, "getLedgerConsistency", async ({ query }) => {
    const { from, to } = query;
    if (to !== undefined && from > to)
      throw new ProblemError("LK_INVALID", {
        detail: `A ledger of ${to} entries has no beginning of ${from}.`,
        fields: [{ field: "from", message: `a number from 1 to ${to}` }],
      });
    const proof = await viewConsistency(db, o.signer, from, to);
    if (!proof)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `There are no ${Math.max(from, to ?? 0)} entries under a signed checkpoint.`,
        remedy: "A checkpoint is signed within a second of an entry: ask again, or for a smaller size.",
      });
    return proof;
  });
  route(http, "verifyLedger", async () => verifyLedger(o.database));
}
