/** A number with at most one digit behind the point, and none where it is large. */
const short = (x: number): string => (x >= 10 ? Math.round(x).toString() : String(Math.round(x * 10) / 10));

/** A duration in milliseconds as people say it: "45 s", "1.5 h", "12 days". */
export function durationWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return ms === 0 ? "0 s" : "less than 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${short(seconds / 3600)} h`;
  return `${short(seconds / 86_400)} days`;
}

/** A share of 0 to 1 in percent; a little is not called nothing, and nearly all not all. */
export function shareWords(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "less than 0.1 %";
  if (percent > 99.9 && percent < 100) return "more than 99.9 %";
  return `${Math.round(percent * 10) / 10} %`;
}

/** A number per day in the period in which it is a whole thing. */
export function rateWords(perDay: number): string {
  if (perDay === 0) return "none";
  if (perDay >= 1) return `${short(perDay)} a day`;
  return perDay * 7 >= 1 ? `${short(perDay * 7)} a week` : `${short(perDay * 30)} in 30 days`;
}

/** A count with its noun: "1 deployment", "3 deployments". */
export const countWords = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
