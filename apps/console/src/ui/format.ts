/** Figures as people read them. One rule each, so that the same figure looks the same on every page. */
const DASH = "–";
const grouped = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

export const count = (n: number | null): string => (n === null ? DASH : grouped.format(n));
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** A share of 0 to 1 as a percentage, with as many digits as it deserves. */
export function percent(ratio: number | null): string {
  if (ratio === null) return DASH;
  const p = ratio * 100;
  // Bands of nothing end a rounding error above it.
  if (p < 1e-6) return "0 %";
  if (p < 0.01) return "< 0.01 %";
  return `${Number(p.toFixed(p < 1 ? 2 : p < 10 ? 1 : 0))} %`;
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return DASH;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${grouped.format(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function rate(perSecond: number | null): string {
  if (perSecond === null) return DASH;
  return `${perSecond === 0 ? "0" : perSecond < 10 ? perSecond.toFixed(1) : grouped.format(perSecond)}/s`;
}

export function bytes(n: number | null): string {
  if (n === null) return DASH;
  if (n < 1_000) return `${n} B`;
  if (n < 1_000_000) return `${(n / 1e3).toFixed(n < 10_000 ? 1 : 0)} kB`;
  if (n < 1_000_000_000) return `${(n / 1e6).toFixed(n < 10_000_000 ? 1 : 0)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** "4 s", "1 min 20 s", "3 h 5 min", "2 d 4 h": the two largest units. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 1) return ms >= 1 ? `${Math.round(ms)} ms` : "0 s";
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  const minutes = Math.floor(s / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ""}`;
}

/** Time left, for a countdown: "0:09", "12:30". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const seconds = String(s % 60).padStart(2, "0");
  if (s < 3_600) return `${Math.floor(s / 60)}:${seconds}`;
  return `${Math.floor(s / 3_600)}:${String(Math.floor(s / 60) % 60).padStart(2, "0")}:${seconds}`;
}

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 d ago", "in 4 min". */
export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (Math.abs(ms) < 5_000) return "just now";
  const s = Math.round(Math.abs(ms) / 1000);
  const words =
    s < 60
      ? `${s} s`
      : s < 3_600
        ? `${Math.round(s / 60)} min`
        : s < 86_400
          ? `${Math.round(s / 3_600)} h`
          : `${Math.round(s / 86_400)} d`;
  return ms < 0 ? `in ${words}` : `${words} ago`;
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const momentFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
export const clock = (at: string): string => clockFormat.format(new Date(at));
export const moment = (at: string): string => momentFormat.format(new Date(at));
export const day = (at: string): string => dayFormat.format(new Date(at));

/** "rol_01a2…1476": enough of an id to tell it from its neighbours, which share their first half. */
export function shortId(id: string): string {
  const mark = id.indexOf("_");
  return mark < 0 || id.length < 16 ? id : `${id.slice(0, mark + 1)}…${id.slice(-6)}`;
}
export const shortHash = (hash: string, length = 12): string => hash.slice(0, length);
export const shortCommit = (commit: string | null): string => (commit ? commit.slice(0, 7) : DASH);
/** The subject line of a commit. */
export const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";

/** ln of an e-value as odds: "even", "5 : 1", "1,200 : 1", "over a million : 1". */
export function odds(ln: number): string {
  if (ln <= 0.05) return "none";
  const e = Math.exp(Math.min(ln, 30));
  if (e < 10) return `${e.toFixed(1)} : 1`;
  return e > 1e6 ? "over a million : 1" : `${grouped.format(e)} : 1`;
}

/** How far evidence has come towards its threshold, 0 to 1. */
export const progressOf = (ln: number, threshold: number): number =>
  threshold <= 0 ? 0 : Math.min(1, Math.max(0, ln / threshold));

export const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
export const spaced = (name: string): string => name.replaceAll("_", " ");
