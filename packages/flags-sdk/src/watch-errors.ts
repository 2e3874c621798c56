import type { Outcome } from "./reports.ts";

/** What is told of a page's visitor. */
interface Watched {
  notice(metric: string, outcome: Outcome): void;
  whenMet(listener: () => void): () => void;
}
interface Page {
  addEventListener?(event: string, listener: () => void): void;
  removeEventListener?(event: string, listener: () => void): void;
}
const page = globalThis as unknown as Page;
const METRIC = "browser-errors";

/**
 * Tells Latchkey of the page's visitor, for the guardrails of rollouts: a page view is a good event of `browser-errors`, a script that
 * fails (also in a promise that nobody handles) is a bad one. Only of who met a share's variant, from then on. Answers how to
 * stop. `openWebFlags({ errors: true })` does it by itself.
 */
export function watchErrors(flags: Watched): () => void {
  const viewed = () => flags.notice(METRIC, { isBad: false });
  const failed = () => flags.notice(METRIC, { isBad: true });
  const heard = { error: failed, unhandledrejection: failed, popstate: viewed, pageshow: viewed };
  // Who meets a flag sees a page with it.
  const off = flags.whenMet(viewed);
  for (const [event, listener] of Object.entries(heard)) page.addEventListener?.(event, listener);
  return () => {
    off();
    for (const [event, listener] of Object.entries(heard)) page.removeEventListener?.(event, listener);
  };
}
