import type { IdempotencyStore } from "./auth.ts";
import { ProblemError } from "./problems.ts";

/** A write that came with an Idempotency-Key. */
export interface Keyed {
  readonly actor: string;
  readonly route: string;
  readonly key: string;
  /** Of the address and the body: a key stands for one request. */
  readonly sha256: string;
}

/** Does what was asked at most once for its key, and gives the first answer again. */
export async function once(
  store: IdempotencyStore,
  { actor, route: name, key, sha256 }: Keyed,
  status: number,
  run: () => Promise<string | null>,
  again: (reference: string) => Promise<string | null>,
): Promise<string | null> {
  const begun = await store.begin(actor, name, key, sha256);
  if (begun.kind === "other_body")
    throw new ProblemError("LK_IDEMPOTENCY_REUSED", { detail: "The same key came with another address or body." });
  if (begun.kind === "under_way")
    throw new ProblemError("LK_BUSY", {
      detail: "The same request is being worked on.",
      remedy: "Ask again in a moment for its answer.",
      retryAfterMs: 1_000,
    });
  if (begun.kind === "done") return begun.answer === "" ? null : begun.answer;
  try {
    const answer = begun.kind === "effected" ? await again(begun.reference) : await run();
    await store.finish(actor, name, key, status, answer ?? "");
    return answer;
  } catch (error) {
    // Nothing was done, or it is remembered as done: either way the same key may be tried again.
    await store.forget(actor, name, key);
    throw error;
  }
}
