/** Words and columns for people. Pure: nothing here reads a clock or writes. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const paint = (on: boolean, code: string) => (text: string) => (on ? `\u001b[${code}m${text}\u001b[0m` : text);

/** Colours for a terminal that shows them; NO_COLOR (no-color.org) turns them off, FORCE_COLOR on. */
export function styleFor(o: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isInteractive: boolean;
}): Style {
  const refused = Boolean(o.env.NO_COLOR) || o.env.TERM === "dumb";
  const on = !refused && (o.isInteractive || Boolean(o.env.FORCE_COLOR));
  return {
    good: paint(on, "32"),
    bad: paint(on, "31"),
    warn: paint(on, "33"),
    dim: paint(on, "2"),
    bold: paint(on, "1"),
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
const COLOUR = /\u001b\[\d+m/g;
const widthOf = (text: string): number => text.replace(COLOUR, "").length;

/** Columns that line up; colours take no room. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], style?: Style): string {
  const titles = head.map((title) => (style ? style.dim(title) : title));
  const all = [titles, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => widthOf(row[i] ?? ""))));
  const pad = (cell: string, i: number): string => cell + " ".repeat((widths[i] ?? 0) - widthOf(cell));
  return all.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Names and values below each other. */
export function facts(rows: readonly (readonly [string, string])[], style: Style): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${style.dim(name.padEnd(width))}  ${value}`).join("\n");
}

/** A moment, in UTC to the second. */
export const moment = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")}Z`;

export const plain = (state: string): string => state.replaceAll("_", " ");

export function clip(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

export const milliseconds = (ms: number | null): string => (ms === null ? "-" : `${Math.round(ms)} ms`);
export const ratio = (value: number | null): string => (value === null ? "-" : `${Number((value * 100).toFixed(2))} %`);

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  if (count < 1_000_000) return `${Math.round(count / 1_000)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** 45 s, 3 min, 2 h. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** Reads 90s, 10m, 1h or bare seconds; null when it is none of these. */
export function parseDuration(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|min|h)?$/.exec(text.trim());
  const unit = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 }[found?.[2] ?? "s"];
  return found && unit ? Math.round(Number(found[1]) * unit) : null;
}

const GOOD = ["succeeded", "completed", "holdback", "passed", "unchanged", "PASS", "promoting", "cleared"];
const BAD = [
  "rolled_back",
  "rolling_back",
  "failed",
  "failed_build",
  "failed_gate",
  "failed_start",
  "timed_out",
  "could_not_run",
  "FAIL",
];

/** A state in plain words and its colour. */
export function state(value: string, style: Style): string {
  if (GOOD.includes(value)) return style.good(plain(value));
  if (BAD.includes(value)) return style.bad(plain(value));
  return ["aborted", "superseded", "paused", "suspected", "pending", "waived"].includes(value)
    ? style.warn(plain(value))
    : plain(value);
}
