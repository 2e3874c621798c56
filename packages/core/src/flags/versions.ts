/** Semantic Versioning 2.0.0 (semver.org): precedence by section 11; build metadata counts for nothing. */
export interface Version {
  readonly numbers: readonly [number, number, number];
  readonly pre: readonly string[];
}
const NUMBER = "0|[1-9]\\d*";
const WORD = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const FULL = new RegExp(
  `^[vV]?(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${WORD}(?:\\.${WORD})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
/** People write `v2` and `1.4`, and flagd reads that, without a word behind it. */
const SHORT = new RegExp(`^[vV]?(${NUMBER})(?:\\.(${NUMBER}))?$`);
const NO_WORDS: readonly string[] = [];
const LENGTH_MAX = 200;

/** Nine digits are a small integer, whatever they are. */
const DIGITS_MAX = 9;

/**
 * Three numbers with points between, as nearly every version is, compared with another without making anything: below 0 when it
 * comes before, 0, or above. Null for what is written otherwise.
 */
export function comparePlain(text: string, other: Version): number | null {
  let part = 0;
  let value = 0;
  let digits = 0;
  let order = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      // A zero before other digits is none of a version.
      if (digits === DIGITS_MAX || (digits > 0 && value === 0)) return null;
      value = value * 10 + (code - 48);
      digits += 1;
    } else if (code === 46 && digits > 0 && part < 2) {
      if (order === 0) order = value - (other.numbers[part] as number);
      part += 1;
      value = 0;
      digits = 0;
    } else return null;
  }
  if (part !== 2 || digits === 0) return null;
  if (order === 0) order = value - other.numbers[2];
  return order !== 0 ? order : other.pre.length;
}

/** Null for what is no version. */
export function parseVersion(text: string): Version | null {
  if (text.length > LENGTH_MAX) return null;
  const found = FULL.exec(text) ?? SHORT.exec(text);
  if (!found) return null;
  const [, major = "0", minor = "0", patch = "0", pre] = found;
  const numbers = [Number(major), Number(minor), Number(patch)] as const;
  if (!numbers.every(Number.isSafeInteger)) return null;
  return { numbers, pre: pre === undefined ? NO_WORDS : pre.split(".") };
}

/** Below 0 when `a` comes before `b`. */
export function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let i = 0; i < Math.max(a.pre.length, b.pre.length); i++) {
    const [x, y] = [a.pre[i], b.pre[i]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (x === y) continue;
    const [isXNumber, isYNumber] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (isXNumber && isYNumber) return Number(x) - Number(y);
    if (isXNumber !== isYNumber) return isXNumber ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
