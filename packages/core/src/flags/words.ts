import type { FlagRules, Serve } from "./model.ts";

/** A percentage as people write it: `12.5 %`. */
export const percentWords = (percent: number): string => `${Number(percent.toFixed(3))} %`;

/** What a serve gives: `on`, `on for 10 %, else off`, `a 50 %, b 50 %`. */
export function serveWords(serve: Serve): string {
  if (serve.kind === "variant") return serve.variant;
  if (serve.kind === "split")
    return serve.shares.map(({ variant, percent }) => `${variant} ${percentWords(percent)}`).join(", ");
  const share = `${serve.variant} for ${percentWords(serve.percent)}, else ${serve.against}`;
  return serve.ramp?.kind === "time" ? `${share}, growing to ${percentWords(serve.ramp.toPercent)}` : share;
}

/** Who gets what in an environment, in one line. */
export function rulesWords(rules: FlagRules): string {
  if (!rules.isEnabled) return `Off: everybody gets ${rules.off}.`;
  const others = serveWords(rules.otherwise);
  const n = rules.rules.length;
  if (n === 0) return rules.otherwise.kind === "variant" ? `Everybody gets ${others}.` : `${upper(others)}.`;
  return `${n === 1 ? "1 rule" : `${n} rules`}, then ${others}.`;
}
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
