import { type Flags, openFlags } from "@latchkey/flags-sdk/node";
import type { Logger } from "pino";
import { type Flags as LeadsFlags, mlLeadScoring, oneLineAddress } from "../flags/flags.gen.ts";
import snapshot from "../flags/flags.snapshot.json" with { type: "json" };
import type { ApiAnswer, ApiRequest } from "../leads/handlers.ts";
import type { Lead } from "../leads/lead.ts";
import { scoreOf } from "../leads/score.ts";
import { headOf } from "./page-head.ts";

/** What is turned on for whom, decided in this process; by the snapshot that came with the build until Latchkey answers. */
export interface Features {
  /** A lead as it is shown: with its score where that is turned on for it. */
  present(lead: Lead): Lead & { readonly score?: number };
  /**
   * A visitor's request comes in. Who sends the form meets what is tried on it here as well: what this process tells of them, errors
   * and slow answers, counts for the form that they had.
   */
  meet(visitor: string | null, request: Pick<ApiRequest, "method" | "path">): void;
  /** It was answered: a lead that was made is what rollouts on the form hope for. */
  answered(visitor: string | null, request: ApiRequest, answer: Pick<ApiAnswer, "status" | "route">): void;
  /** Whether a flag is on for a visitor. */
  hasOn(flag: string, visitor: string | null): boolean;
  /** How a visitor's request went, for the guardrails of rollouts. */
  readonly observeRequest: Flags["observeRequest"];
  /** For the page's head: where its browser asks for flags. Empty where that is not known. */
  readonly head: string;
  /** Sends what waits: at the end of a function's call. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function openFeatures(
  env: Readonly<Record<string, string | undefined>>,
  log: Pick<Logger, "info" | "error">,
  mode: "server" | "function",
): Features {
  const flags = openFlags<LeadsFlags>({
    ...{ url: env.LATCHKEY_FLAGS_URL, key: env.LATCHKEY_FLAGS_KEY, snapshot, mode },
    onProblem: (words) => log.info({ words }, "flags"),
  });
  return {
    present: (lead) => presented(flags, lead, log),
    meet: (visitor, { method, path }) => {
      if (visitor && method === "POST" && FORM.test(path)) flags.get(oneLineAddress, { targetingKey: visitor });
    },
    answered: (visitor, { method, path, synthetic }, { status }) => {
      if (visitor && status === 201 && method === "POST" && FORM.test(path) && !synthetic)
        flags.track("lead-sent", visitor);
    },
    hasOn: (flag, visitor) =>
      visitor !== null && flags.value(flag as keyof LeadsFlags, false, { targetingKey: visitor }),
    observeRequest: (context, outcome) => flags.observeRequest(context, outcome),
    head: headOf(env),
    flush: () => flags.flush(),
    close: () => flags.close(),
  };
}

function presented(
  flags: Flags<LeadsFlags>,
  lead: Lead,
  log: Pick<Logger, "error">,
): Lead & { readonly score?: number } {
  const who = { targetingKey: lead.id };
  let ok = true;
  try {
    return flags.get(mlLeadScoring, who) ? { ...lead, score: scoreOf(lead) } : lead;
  } catch (err) {
    ok = false;
    log.error({ err, lead: lead.id }, "a lead could not be scored");
    return lead;
  } finally {
    // Counted for the variant that this lead has: Latchkey ends a rollout that hurts.
    flags.observeRequest(who, { ok });
  }
}

const FORM = /^\/api\/leads\/?$/;
/** Which visitor a page says that it is; null where it says none. A number that it made up, and nobody's name. */
export const visitorOf = (header: string | string[] | null | undefined): string | null =>
  typeof header === "string" && /^[\w-]{1,64}$/.test(header) ? header : null;
export const VISITOR_HEADER = "x-visitor";
