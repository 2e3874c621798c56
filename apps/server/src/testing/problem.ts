import { ApiError } from "@latchkey/api/client";
import type { Problem } from "@latchkey/api/models";

/** The problem that a call is refused with. Rejects when the call succeeds. */
export async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const refused = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (refused instanceof ApiError) return refused.problem;
  throw new Error("The call was not refused by the API.", { cause: refused });
}
