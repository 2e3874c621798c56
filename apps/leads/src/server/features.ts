import { type Flags, openFlags } from "@latchkey/flags-sdk/node";
import type { Logger } from "pino";
import { type Flags as LeadsFlags, mlLeadScoring } from "../flags/flags.gen.ts";
import snapshot from "../flags/flags.snapshot.json" with { type: "json" };
import type { Lead } from "../leads/lead.ts";
import { scoreOf } from "../leads/score.ts";
import { headOf } from "./page-head.ts";

/** What is turned on for whom, decided in this process; by the snapshot that came with the build until Latchkey answers. */
export interface Features {
  /** A lead as it is shown: with its score where that is turned on for it. */
  present(lead: Lead): Lead & { readonly score?: number };
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
  if (!flags.get(mlLeadScoring, { targetingKey: lead.id })) return lead;
  try {
    return { ...lead, score: scoreOf(lead) };
  } catch (err) {
    // Counted for the variant that this lead has: Latchkey ends a rollout that hurts.
    flags.track("errors", lead.id, { isBad: true });
    log.error({ err, lead: lead.id }, "a lead could not be scored");
    return lead;
  }
}
