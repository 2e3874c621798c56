import { ApiError, createClient } from "@latchkey/api/client";

export { ApiError };

/** The project that this console is of: in every address, and the only one until an installation has several. */
export const project = "main";

/** Longer than this nobody looks at something that does not come: then it is told why. */
const PATIENCE_MS = 10_000;
export const api = createClient({ baseUrl: "", project, patienceMs: PATIENCE_MS });

export const isUnauthenticated = (error: unknown): boolean => error instanceof ApiError && error.problem.status === 401;
export const isMissing = (error: unknown): boolean => error instanceof ApiError && error.problem.status === 404;

/** One sentence about an error, with what to do, for a toast. */
export function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return `${error.problem.detail} ${error.problem.remedy}`.trim();
  return error instanceof Error ? error.message : String(error);
}
