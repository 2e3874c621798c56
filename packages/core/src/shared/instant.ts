const PATTERN = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|z|[+-]\d\d:?\d\d)?)?$/;
const DAY_MS = 86_400_000;

/** Days from 1970 to a day of the Gregorian calendar (H. Hinnant's days_from_civil). */
function daysTo(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const daysIn = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

/**
 * The milliseconds since 1970 of an RFC 3339 time (or of a day, or with a space for the T, as databases write it). A time
 * without a zone is UTC. Null for what is none, such as the 30th of February.
 */
export function instantOf(text: string): number | null {
  const found = PATTERN.exec(text.trim());
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  // A leap second is the first one of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const fraction = Number(`0.${found[7] ?? "0"}`);
  const zone = /^([+-])(\d\d):?(\d\d)$/.exec(found[8] ?? "");
  const offset = zone ? (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
  const minutes = hour * 60 + minute - offset;
  return daysTo(year, month, day) * DAY_MS + minutes * 60_000 + second * 1_000 + Math.floor(fraction * 1_000 + 1e-6);
}
