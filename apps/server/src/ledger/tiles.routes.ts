import { parseTile, TILE_HEIGHT, TILE_WIDTH, tileWidth } from "@latchkey/core/shared/tiles";
import type { FastifyReply } from "fastify";
import type { Database } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { allEntriesAfter, newestCheckpoint } from "./ledger.store.ts";
import { readNodeRange } from "./proofs.store.ts";

/**
 * The ledger as a transparency log that outsiders read with their own tools: checkpoint, tiles of hashes and bundles of
 * entries (C2SP tlog-tiles), below `/api/v1/ledger/log/`. What a checkpoint covers never changes, so full tiles may be
 * kept for ever.
 */
const PREFIX = "/api/v1/ledger/log";

export function registerTiles(http: Http, { db }: Database): void {
  http.get(`${PREFIX}/checkpoint`, async (request, reply) => {
    await authorise(http, request, "ledger.read");
    const checkpoint = await newestCheckpoint(db);
    if (!checkpoint) throw new ProblemError("LK_NOT_FOUND", { detail: "Nothing is signed yet: the ledger is empty." });
    return reply
      .header("content-type", "text/plain; charset=utf-8")
      .header("cache-control", "no-cache")
      .send(checkpoint.note);
  });

  http.get<{ Params: { "*": string } }>(`${PREFIX}/tile/*`, async (request, reply) => {
    await authorise(http, request, "ledger.read");
    const address = parseTile(request.params["*"]);
    const checkpoint = address && (await newestCheckpoint(db));
    const there = checkpoint ? tileWidth(address.level, address.index, checkpoint.size) : 0;
    if (!address || address.width > there)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: "There is no such tile under a signed checkpoint.",
        remedy:
          "Addresses are those of C2SP's tlog-tiles: <level>/<index>[.p/<width>], or entries/<index>[.p/<width>].",
      });
    const from = address.index * TILE_WIDTH;
    const body =
      address.level === "entries"
        ? bundle((await allEntriesAfter(db, from - 1, address.width)).map((row) => row.canonical))
        : Buffer.concat(await readNodeRange(db, address.level * TILE_HEIGHT, from, address.width));
    return send(reply, body);
  });
}

function send(reply: FastifyReply, body: Buffer) {
  return reply
    .header("content-type", "application/octet-stream")
    .header("cache-control", "private, max-age=31536000, immutable")
    .send(body);
}

/** Entries, each after its length as a 16-bit number, high byte first. */
function bundle(entries: readonly string[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const bytes = Buffer.from(entry, "utf8");
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}
