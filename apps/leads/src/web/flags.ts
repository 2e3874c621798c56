import { openWebFlags, type WebFlags } from "@latchkey/flags-sdk/web";
import { advancedAnalytics, aiNegotiationAssistant, type Flags, oneLineAddress } from "../flags/flags.gen.ts";
import { visitor } from "./visitor.ts";

/** The server writes into the page where its flags are. Where it does not, what the build knows holds. */
function settings(): { readonly url?: string; readonly key?: string } {
  try {
    const given = document.querySelector('meta[name="latchkey-flags"]')?.getAttribute("content");
    return given ? (JSON.parse(given) as { url: string; key: string }) : {};
  } catch {
    return {};
  }
}

export function openPageFlags(): WebFlags<Flags> {
  const targetingKey = visitor();
  return openWebFlags<Flags>({
    ...settings(),
    context: targetingKey ? { targetingKey } : {},
    initial: {
      [advancedAnalytics.key]: true,
      [aiNegotiationAssistant.key]: aiNegotiationAssistant.fallback,
      [oneLineAddress.key]: oneLineAddress.fallback,
    },
    errors: true,
  });
}
