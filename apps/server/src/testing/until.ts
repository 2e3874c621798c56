const LOOK_AGAIN_MS = 20;
const DEADLINE_MS = 120_000;

/** Thrown from a condition that can't come true any more: `until` gives up at once. */
export class Hopeless extends Error {}

/**
 * Looks again and again until the condition answers something true, and answers that. A deadline ends it with what was
 * waited for: it is there for tests that hang, no test measures time with it.
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  let last: unknown;
  for (;;) {
    try {
      const found = await condition();
      if (found) return found;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`It did not come true in ${DEADLINE_MS / 1000} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
