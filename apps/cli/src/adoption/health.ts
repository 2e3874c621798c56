import type { FoundFunction } from "../netlify/functions.ts";
import { advice, type Finding, found } from "./findings.ts";
import type { Listing } from "./listing.ts";

export interface HealthEndpoint {
  readonly path: string;
  readonly healthy: readonly string[];
  readonly degraded: readonly string[];
  readonly unhealthy: readonly string[];
}

const NAMES = ["health", "healthz", "healthcheck", "health-check", "status", "ping"] as const;
/** Words for a state that health checks use, looked for as texts in the source. */
const WORDS = {
  healthy: ["healthy", "ok", "pass", "up"],
  degraded: ["degraded", "warn", "partial"],
  unhealthy: ["unhealthy", "fail", "down", "error"],
} as const;

/** The function that tells how the site is, and the words it uses for it. */
export function findHealth(
  functions: readonly FoundFunction[],
  listing: Listing,
): { endpoint: HealthEndpoint | null; findings: Finding[] } {
  const fn = NAMES.map((name) => functions.find((f) => f.name === name)).find((f) => f !== undefined);
  if (!fn)
    return {
      endpoint: null,
      findings: [
        advice(
          "No function tells how the site is: its page stands in. A function `health` that checks what it needs would tell more.",
        ),
      ],
    };
  const source = listing.text(fn.file) ?? "";
  // Only what `status` is set to counts; when nothing is found there, the status code must do.
  const near = [...source.matchAll(/\bstatus["']?\s*[:=]\s*([^,;\n]*)/g)].map(([, value]) => value).join("\n");
  const said = (words: readonly string[]) => words.filter((word) => new RegExp(`["'\`]${word}["'\`]`, "i").test(near));
  const endpoint = {
    path: `/.netlify/functions/${fn.name}`,
    healthy: said(WORDS.healthy),
    degraded: said(WORDS.degraded),
    unhealthy: said(WORDS.unhealthy),
  };
  const words = [...endpoint.healthy, ...endpoint.degraded, ...endpoint.unhealthy];
  const how = words.length > 0 ? `It says ${words.join(", ")}: that is mapped.` : "Its status code counts.";
  return { endpoint, findings: [found(`The health function is ${endpoint.path}. ${how}`, fn.file)] };
}
