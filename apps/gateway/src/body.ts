import type { IncomingMessage } from "node:http";
import { type Readable, Transform } from "node:stream";

/** The visitor's body went over the limit: the visitor's fault, not the release's. */
export class BodyTooLarge extends Error {}

/** Whether a request's declared length is over the limit. */
export function declaredTooLarge(request: IncomingMessage, limitBytes: number): boolean {
  const length = request.headers["content-length"];
  return length !== undefined && Number(length) > limitBytes;
}

/** The request's body as a stream that breaks at the limit, or null when there is none. */
export function bodyOf(request: IncomingMessage, limitBytes: number): Readable | null {
  if (request.headers["transfer-encoding"] === undefined) {
    // The parser holds a body to its declared length, which has been checked.
    return Number(request.headers["content-length"] ?? "0") > 0 ? request : null;
  }
  let seen = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > limitBytes) done(new BodyTooLarge(`body over ${limitBytes} bytes`));
      else done(null, chunk);
    },
  });
  request.on("error", (error) => limited.destroy(error));
  request.on("aborted", () => limited.destroy(new Error("the visitor left")));
  limited.on("error", () => request.resume());
  return request.pipe(limited);
}
