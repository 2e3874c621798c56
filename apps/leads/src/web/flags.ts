import { openWebFlags, type WebFlags } from "@latchkey/flags-sdk/web";
import { advancedAnalytics, aiNegotiationAssistant, type Flags } from "../flags/flags.gen.ts";

/** Who looks at the page, as far as shares of visitors need to know: a number of this browser. */
function visitor(): string {
  const place = "hidden-key-visitor";
  try {
    const known = localStorage.getItem(place);
    if (known) return known;
    const made = crypto.randomUUID();
    localStorage.setItem(place, made);
    return made;
  } catch {
    return "";
  }
}

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
    initial: { [advancedAnalytics.key]: true, [aiNegotiationAssistant.key]: aiNegotiationAssistant.fallback },
    errors: true,
  });
}
