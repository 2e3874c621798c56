/** Instants without `Date`: RFC 3339 (or a day alone, in UTC) to milliseconds since 1970. Null for what is none. */
const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([+-])(\d\d):?(\d\d)))?$/;
const DAYS_TO_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const leapsUntil = (year: number) => Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);

export function instantOf(text: string): number | null {
  const found = INSTANT.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const longest = (MONTH_DAYS[month - 1] ?? 0) + (month === 2 && isLeap(year) ? 1 : 0);
  if (day < 1 || day > longest || hour > 23 || minute > 59 || second > 59) return null;
  const days =
    (year - 1970) * 365 +
    (leapsUntil(year - 1) - leapsUntil(1969)) +
    (DAYS_TO_MONTH[month - 1] ?? 0) +
    (month > 2 && isLeap(year) ? 1 : 0) +
    (day - 1);
  const millis = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
  const offset = (found[9] === "-" ? -1 : 1) * (Number(found[10] ?? 0) * 60 + Number(found[11] ?? 0));
  return ((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1_000 + millis;
}
