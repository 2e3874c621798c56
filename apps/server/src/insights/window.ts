import { ProblemError } from "../platform/problems.ts";

const DAY_MS = 86_400_000;
const DAYS_BY_DEFAULT = 90;
/** Ten years by the day are 3,653 points in a picture. */
const DAYS_MAX = 3_660;

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The window of a question, in whole days of UTC: by default the last 90 days, with today's. LK_INVALID where it ends before it begins. */
export function windowOf(
  query: { readonly from?: string | undefined; readonly to?: string | undefined },
  nowMs: number,
): Window {
  const dayOf = (ms: number) => Math.floor(ms / DAY_MS) * DAY_MS;
  const to = query.to === undefined ? dayOf(nowMs) + DAY_MS : Date.parse(query.to);
  const toMs = to % DAY_MS === 0 ? to : dayOf(to) + DAY_MS;
  const fromMs = query.from === undefined ? toMs - DAYS_BY_DEFAULT * DAY_MS : dayOf(Date.parse(query.from));
  const refuse = (message: string) =>
    new ProblemError("LK_INVALID", { detail: message, fields: [{ field: "from", message }] });
  if (fromMs >= toMs) throw refuse("from must be before to.");
  if (toMs - fromMs > DAYS_MAX * DAY_MS) throw refuse("A window has at most ten years.");
  return { fromMs, toMs };
}
