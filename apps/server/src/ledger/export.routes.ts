import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { coverOf } from "@latchkey/core/shared/merkle";
import type { Database, Executor } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { ORIGIN, type Signer } from "./checkpoints.ts";
import { type CheckpointRow, eachEntry, newestCheckpoint } from "./ledger.store.ts";
import { readNodes } from "./proofs.store.ts";

/**
 * `GET /api/v1/ledger/export?first=0&count=…`: entries with all that it takes to check them elsewhere. The file's form
 * is told in packages/verify/README.md, whose program reads it without this one.
 */
const FORMAT = "latchkey-ledger-export/1";
const BATCH = 1_000;

export function registerExport(http: Http, o: { database: Database; signer: Signer }): void {
  http.get<{ Querystring: Record<string, string | undefined> }>("/api/v1/ledger/export", async (request, reply) => {
    await authorise(http, request, "ledger.read");
    const checkpoint = await newestCheckpoint(o.database.db);
    if (!checkpoint) throw new ProblemError("LK_NOT_FOUND", { detail: "Nothing is signed yet: the ledger is empty." });
    const first = numberOf("first", request.query.first, 0);
    const count = Math.min(numberOf("count", request.query.count, checkpoint.size), checkpoint.size - first);
    if (count < 0)
      throw new ProblemError("LK_INVALID", {
        detail: `There are ${checkpoint.size} signed entries.`,
        fields: [{ field: "first", message: `0 to ${checkpoint.size}` }],
      });
    return reply
      .header("content-type", "application/octet-stream")
      .header("content-disposition", `attachment; filename="ledger-${first}-${first + count}.export"`)
      .header("cache-control", "no-store")
      .send(Readable.from(exportLines(o.database, o.signer, checkpoint, first, count)));
  });
}

function numberOf(field: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ProblemError("LK_INVALID", {
    detail: `${field} must be a whole number.`,
    fields: [{ field, message: "a whole number from 0" }],
  });
}

/** What the checkpoint covers never changes, so the parts are read one after the other without a transaction. */
async function* exportLines(
  database: Database,
  signer: Signer,
  checkpoint: CheckpointRow,
  first: number,
  count: number,
): AsyncGenerator<Buffer> {
  const { db } = database;
  const whole = createHash("sha256");
  const hashed = (bytes: Buffer): Buffer => {
    whole.update(bytes);
    return bytes;
  };
  const manifest = {
    origin: ORIGIN,
    publicKey: signer.publicKey,
    first,
    count,
    checkpoint: checkpoint.note,
    before: await hashesOf(db, coverOf(0, first)),
    after: await hashesOf(db, coverOf(first + count, checkpoint.size)),
  };
  yield hashed(Buffer.from(`${FORMAT}\n${canonicalJson(manifest)}\n`, "utf8"));
  for (let at = first; at < first + count; at += BATCH)
    yield hashed(await linesOf(database, at, Math.min(first + count, at + BATCH)));
  yield Buffer.from(`signature ${signer.signText(`${FORMAT}\n${whole.digest("hex")}`)}\n`, "utf8");
}

const LF = Buffer.from("\n", "latin1");

/** The entries [first, end), a line each. */
async function linesOf(database: Database, first: number, end: number): Promise<Buffer> {
  const lines: Buffer[] = [];
  await eachEntry(database, { after: first - 1, last: end - 1 }, ({ bytes, starts, ends }) => {
    lines.push(Buffer.from(bytes.subarray(starts[1], ends[1])), LF);
    return true;
  });
  if (lines.length !== 2 * (end - first)) throw new Error(`the ledger lacks entries from ${first} on`);
  return Buffer.concat(lines);
}

async function hashesOf(db: Executor, nodes: readonly { level: number; index: number }[]): Promise<string[]> {
  const found = await readNodes(db, nodes);
  return nodes.map(({ level, index }) => {
    const hash = found.get(`${level}/${index}`);
    if (!hash) throw new Error(`the ledger has no node ${level}/${index}`);
    return Buffer.from(hash).toString("hex");
  });
}
