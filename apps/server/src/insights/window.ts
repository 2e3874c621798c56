import { ProblemError } from "../platform/problems.ts";

const DAY_MS = 86_400_000;
const DAYS_BY_DEFAULT = 90;
/** Before 1970 nothing was deployed, and further ahead than this nobody plans: dates stay those that a date's text can hold. */
const LATEST_MS = Date.UTC(2200, 0, 1);
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
  const momentOf = (field: "from" | "to", text: string): number => {
    const ms = Date.parse(text);
    if (ms < 0 || ms > LATEST_MS) throw refuse(field, `${field} must be between 1970 and 2199.`);
    return ms;
  };
  const to = query.to === undefined ? dayOf(nowMs) + DAY_MS : momentOf("to", query.to);
  const toMs = to % DAY_MS === 0 ? to : dayOf(to) + DAY_MS;
  const fromMs = query.from === undefined ? toMs - DAYS_BY_DEFAULT * DAY_MS : dayOf(momentOf("from", query.from));
  if (fromMs >= toMs) throw refuse("from", "from must be before to.");
  if (fromMs < 0) throw refuse("from", "from must be given: to is less than 90 days after 1970.");
  if (toMs - fromMs > DAYS_MAX * DAY_MS) throw refuse("from", "A window has at most ten years.");
  return { fromMs, toMs };
}

const refuse = (field: string, message: string): ProblemError =>
  new ProblemError("LK_INVALID", { detail: message, fields: [{ field, message }] });

/** The moment as of which figures are asked for. LK_INVALID where it is none that a record can have. */
export function asKnownAtOf(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const ms = Date.parse(text);
  if (ms < 0 || ms > LATEST_MS) throw refuse("asKnownAt", "asKnownAt must be between 1970 and 2199.");
  return new Date(ms);
}
