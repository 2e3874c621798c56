import { type LeadStore, SYNTHETIC_KEPT_MS } from "./store.ts";

/**
 * Deletes what synthetic journeys left behind, now and then every minute: the last leads of a canary would else stay until
 * the next one, and those of a process that was killed for ever. Answers a function that ends it.
 */
export function keepTidy(store: LeadStore, failed: (cause: unknown) => void): () => void {
  const tidy = (): void => void store.forgetSynthetic(SYNTHETIC_KEPT_MS).catch(failed);
  tidy();
  const timer = setInterval(tidy, SYNTHETIC_KEPT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
