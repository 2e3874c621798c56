import type { FlagServe, FlagSummary, FlagView } from "../../api/types.ts";
import type { Tone } from "../../ui/Badge.tsx";

/** Whether a day (`2026-12-31`) is over. */
export const isPast = (day: string | null): boolean => day !== null && Date.parse(`${day}T23:59:59Z`) < Date.now();

/** What each share of the users gets, as widths of a bar: the control at the far end where a rollout has one. */
export function sharesOf(
  serve: FlagServe,
): { readonly name: string; readonly variant: string; readonly percent: number }[] {
  if (serve.kind === "variant") return [{ name: serve.variant, variant: serve.variant, percent: 100 }];
  if (serve.kind === "logic") return [];
  if (serve.kind === "split") return serve.shares.map((one) => ({ ...one, name: one.variant }));
  const control = Math.min(serve.percent, 100 - serve.percent);
  const between = 100 - serve.percent - control;
  return [
    { name: serve.variant, variant: serve.variant, percent: serve.percent },
    { name: serve.against, variant: serve.against, percent: between },
    { name: `${serve.against} (control)`, variant: serve.against, percent: control },
  ].filter((one) => one.percent > 0);
}

/** Whether anything of a flag is served to a share of the users, so that it can be compared. */
export const hasRollout = (flag: FlagView): boolean =>
  Object.values(flag.definition.environments).some((rules) =>
    [...rules.rules.map((rule) => rule.serve), rules.otherwise].some((serve) => serve.kind === "rollout"),
  );

/** What the last seven days say of a flag, in a word or two. */
export const HEALTH: Readonly<Record<FlagSummary["health"], { readonly title: string; readonly tone: Tone }>> = {
  in_use: { title: "In use", tone: "good" },
  new: { title: "New", tone: "calm" },
  never_evaluated: { title: "Never asked for", tone: "warn" },
  one_sided: { title: "Same for all", tone: "warn" },
  stale: { title: "Past its date", tone: "warn" },
};
export const HEALTHS = Object.keys(HEALTH) as readonly FlagSummary["health"][];
