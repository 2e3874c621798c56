import { sleep } from "../figure.ts";

const WITHIN_MS = 180_000;

/** Looks until something is there. */
export async function until<T>(what: string, look: () => Promise<T | false | undefined>): Promise<T> {
  for (const deadline = performance.now() + WITHIN_MS; performance.now() < deadline; await sleep(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`It did not come true in ${WITHIN_MS / 1_000} s: ${what}`);
}
