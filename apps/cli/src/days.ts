import { wrongUse } from "./problem.ts";

const DAY_MS = 86_400_000;
/** As far back as the server has figures. */
const DAYS_MAX = 3_650;

/** What --days says, a whole number up to the most. */
export function daysOption(text: string, most = DAYS_MAX): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > most)
    throw wrongUse(`--days must be a whole number from 1 to ${most}; it is ${text}.`, "Give another one.");
  return days;
}

/** A window of so many days that ends with today. */
export const sinceDays = (text: string): { readonly from: string } => ({
  from: new Date(Date.now() - (daysOption(text) - 1) * DAY_MS).toISOString(),
});
