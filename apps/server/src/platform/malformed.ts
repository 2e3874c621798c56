import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { ProblemError } from "./problems.ts";

/**
 * What never becomes a request gets a problem document too: Node and Fastify would answer in forms of their own, or
 * with nothing at all.
 */
export function answerMalformed(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const problem = problemOf(error.code);
  const requestId = `req_${randomUUID()}`;
  const body = JSON.stringify(problem.toBody(requestId));
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${requestId}\r\nconnection: close\r\n\r\n${body}`,
    );
  socket.destroySoon();
}

function problemOf(code: string | undefined): ProblemError {
  if (code === "HPE_HEADER_OVERFLOW")
    return new ProblemError("LK_HEAD_TOO_LARGE", { detail: "Address and headers are over 16 kB." });
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new ProblemError("LK_TOO_SLOW", { detail: "The request did not arrive in time." });
  return new ProblemError("LK_INVALID", {
    detail: "This is no HTTP request that can be read.",
    fields: [{ field: "request", message: "write it as RFC 9112 says" }],
  });
}

/** Node would refuse these by itself with an empty answer: an expectation may be overlooked (RFC 9110, 10.1.1), a missing host not. */
export function answerInOurForm(app: FastifyInstance): void {
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  app.addHook("onRequest", async (request) => {
    if (request.headers.host === undefined && request.raw.httpVersion !== "1.0")
      throw new ProblemError("LK_INVALID", {
        detail: "The request names no host.",
        fields: [{ field: "Host", message: "send the header Host (RFC 9112, 3.2)" }],
      });
  });
}
