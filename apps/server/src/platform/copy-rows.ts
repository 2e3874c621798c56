import type pg from "pg";
import { to } from "pg-copy-streams";

/**
 * Many rows at a fifth of what a query of them costs: PostgreSQL's COPY in its binary form, whose bytes are looked at where
 * they lie instead of becoming a string and an object each.
 */
export interface Copies {
  /** What COPY (…) TO STDOUT sends, in pieces of any size. The query has no parameters. */
  copyOut(query: string): AsyncIterable<Buffer>;
}

/** On a connection that does nothing else meanwhile. */
export const copyBinary = (client: pg.ClientBase, query: string): AsyncIterable<Buffer> =>
  client.query(to(`copy (${query}) to stdout (format binary)`)) as unknown as AsyncIterable<Buffer>;

/** Where the fields of a row lie in `bytes`. Good, and the reader's own to write to, until `take` returns. */
export interface CopiedRow {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** "PGCOPY\n\377\r\n\0", flags, and the length of what else the header has: nothing, as yet. */
const HEADER_BYTES = 11 + 4 + 4;
/** Instead of a row's number of fields: the end. */
const END = -1;
const ROOM_BYTES = 1 << 18;

/** Calls `take` for each row, in order, until it answers false. No field may be null. */
export async function eachRow(pieces: AsyncIterable<Buffer>, take: (row: CopiedRow) => boolean): Promise<void> {
  let bytes: Buffer = Buffer.alloc(ROOM_BYTES);
  let length = 0;
  let at = HEADER_BYTES;
  const row = { bytes, starts: [] as number[], ends: [] as number[] };
  for await (const piece of pieces) {
    if (length + piece.length > bytes.length)
      bytes = Buffer.concat([bytes.subarray(0, length)], 2 * (length + piece.length));
    piece.copy(bytes, length);
    length += piece.length;
    row.bytes = bytes;
    for (let end = findRow(row, at, length); end !== null; end = findRow(row, at, length)) {
      if (end === END || !take(row)) return;
      at = end;
    }
    if (at > length) continue;
    bytes.copyWithin(0, at, length);
    length -= at;
    at = 0;
  }
}

/** Notes where the fields are, and answers where the row ends; null while it is not all there. */
function findRow(
  row: { bytes: Buffer; starts: number[]; ends: number[] },
  from: number,
  length: number,
): number | null {
  if (from + 2 > length) return null;
  const count = row.bytes.readInt16BE(from);
  if (count === END) return END;
  let at = from + 2;
  for (let i = 0; i < count; i++) {
    if (at + 4 > length) return null;
    const size = row.bytes.readInt32BE(at);
    if (size < 0) throw new Error("a field that can't be null is null");
    row.starts[i] = at + 4;
    at += 4 + size;
    row.ends[i] = at;
  }
  return at > length ? null : at;
}
