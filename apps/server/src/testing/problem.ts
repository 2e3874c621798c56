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

/** The JSON of an answer, as the type that the test expects. */
export const jsonOf = async <T>(response: Response): Promise<T> => (await response.json()) as T;
