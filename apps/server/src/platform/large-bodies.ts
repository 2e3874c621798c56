import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { LARGE_BODY_MAX_BYTES } from "@latchkey/api/paths";
import type { FastifyRequest, RouteShorthandOptions } from "fastify";
import { ProblemError } from "./problems.ts";

/** What other requests may have: bodies up to there need no place. */
const SMALL_BYTES = 1_048_576;
/** Each may hold its compressed and its plain form, and what is read of it: about 50 MB. */
const AT_ONCE_MAX = 4;
const unzipped = promisify(gunzip);
const MEGABYTES = LARGE_BODY_MAX_BYTES / 1_048_576;

const tooLarge = (): ProblemError =>
  new ProblemError("LK_TOO_LARGE", {
    detail: `The body is over ${MEGABYTES} MB once it is decompressed.`,
    remedy: `Send at most ${MEGABYTES} MB, counted before it is compressed.`,
  });

/**
 * Options of a route that takes reports and folders of files: 16 MB, and compressed with gzip where the request says so. Who sends
 * one is known first, a few are taken at once, and nothing is decompressed further than that: a body that grows for ever is refused
 * at the limit.
 */
export function largeBodies(knows: (request: FastifyRequest) => Promise<void>) {
  let taken = 0;
  const preParsing: NonNullable<RouteShorthandOptions["preParsing"]> = async (request, reply, payload) => {
    const coding = request.headers["content-encoding"] ?? "identity";
    const isZipped = coding === "gzip" || coding === "x-gzip";
    if (!isZipped && coding !== "identity")
      throw new ProblemError("LK_INVALID", {
        detail: `The body is compressed with ${coding.slice(0, 40)}.`,
        fields: [{ field: "content-encoding", message: "gzip, or leave it out" }],
      });
    const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (!isZipped && length <= SMALL_BYTES) return payload;
    await knows(request);
    // Who went meanwhile closed the answer already: the place would never be free again.
    if (reply.raw.destroyed)
      throw new ProblemError("LK_INVALID", { detail: "The connection was closed before the body was there." });
    if (taken >= AT_ONCE_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `${AT_ONCE_MAX} other large bodies are being taken.`,
        retryAfterMs: 1_000,
      });
    taken += 1;
    reply.raw.once("close", () => {
      taken -= 1;
    });
    return isZipped ? decompressed(payload) : payload;
  };
  return { preParsing, bodyLimit: LARGE_BODY_MAX_BYTES };
}

async function decompressed(payload: AsyncIterable<unknown>) {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of payload) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > LARGE_BODY_MAX_BYTES) throw tooLarge();
  }
  const plain = await unzipped(Buffer.concat(parts), { maxOutputLength: LARGE_BODY_MAX_BYTES }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
      throw new ProblemError("LK_INVALID", {
        detail: "The body is not what gzip makes, or a part of it is missing.",
        fields: [{ field: "body", message: "compress all of it with gzip, or leave content-encoding out" }],
      });
    },
  );
  // Fastify compares the length that was announced with the one that came.
  return Object.assign(Readable.from([plain]), { receivedEncodedLength: bytes });
}
