import type { IncomingMessage, ServerResponse } from "node:http";
import type { EvaluationContext } from "@latchkey/core/flags/model";
import type { RequestOutcome } from "./request-outcome.ts";

export type { RequestOutcome } from "./request-outcome.ts";

/** What hears how requests went: the flags of `openFlags`. */
interface Observing {
  observeRequest(context: EvaluationContext, outcome: RequestOutcome): void;
}
const FAILED_FROM = 500;

/**
 * A handler of `node:http`, and of what has its form (Express, Connect), that tells how each request went, for the guardrails of
 * rollouts: `createServer(observeHttp(flags, (request) => ({ targetingKey: userOf(request) }), handle))`. `contextOf` is asked
 * at the end of the request; null: nobody is told of. Of an answer that its client did not wait for nothing is said.
 */
export function observeHttp<Q extends IncomingMessage, S extends ServerResponse, More extends unknown[], R>(
  flags: Observing,
  contextOf: (request: Q) => EvaluationContext | null,
  handle: (request: Q, response: S, ...more: More) => R,
): (request: Q, response: S, ...more: More) => R {
  return (request, response, ...more) => {
    const from = performance.now();
    response.once("close", () => {
      if (!response.writableFinished) return;
      tell(flags, () => contextOf(request), {
        ok: response.statusCode < FAILED_FROM,
        durationMs: performance.now() - from,
      });
    });
    return handle(request, response, ...more);
  };
}

/** The same of a handler that is given a `Request` and answers a `Response`, as functions of Netlify, Deno and Bun are. */
export function observeFetch<Q, More extends unknown[], S extends { readonly status: number }>(
  flags: Observing,
  contextOf: (request: Q) => EvaluationContext | null,
  handle: (request: Q, ...more: More) => Promise<S> | S,
): (request: Q, ...more: More) => Promise<S> {
  return async (request, ...more) => {
    const from = performance.now();
    let ok = false;
    try {
      const answer = await handle(request, ...more);
      ok = answer.status < FAILED_FROM;
      return answer;
    } finally {
      tell(flags, () => contextOf(request), { ok, durationMs: performance.now() - from });
    }
  };
}

function tell(flags: Observing, contextOf: () => EvaluationContext | null, outcome: RequestOutcome): void {
  try {
    const context = contextOf();
    if (context) flags.observeRequest(context, outcome);
  } catch {
    // Who asks can't be told from this request: it was answered all the same.
  }
}
