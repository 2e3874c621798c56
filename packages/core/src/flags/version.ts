/**
 * Versions as semver 2.0 orders them, read as leniently as flagd reads them: a leading `v`, and `1` and `1.2` for `1.0.0` and
 * `1.2.0`. What is no version is null.
 */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Empty for a release; numbers are kept apart from words, as their order differs. */
  readonly before: readonly (number | string)[];
}

const FULL =
  /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;
const PART = /^(\d+)(?:\.(\d+))?$/;
const RELEASE: readonly string[] = [];
/** As semver's own library has it. */
const LONGEST = 256;

/** The version that a text or a number stands for. */
export function versionOf(given: unknown): Version | null {
  if (typeof given === "string") return plain(given) ?? lenient(given);
  return typeof given === "number" ? lenient(String(given)) : null;
}

/** `1.22.333` without a regular expression: nearly all versions are like this, and flags ask for them at every request. */
function plain(text: string): Version | null {
  const size = text.length;
  if (size > 20) return null;
  let part = 0;
  let major = 0;
  let minor = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i < size; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (digits === 0 || part === 2) return null;
      if (part === 0) major = value;
      else minor = value;
      part++;
      value = 0;
      digits = 0;
    } else if (code >= 48 && code <= 57) {
      if (digits > 0 && value === 0) return null;
      value = value * 10 + code - 48;
      digits++;
    } else return null;
  }
  if (part !== 2 || digits === 0 || value > Number.MAX_SAFE_INTEGER) return null;
  return { major, minor, patch: value, before: RELEASE };
}

function lenient(text: string): Version | null {
  const bare = text.replace(/^[vV]/, "");
  if (bare.length > LONGEST) return null;
  const full = FULL.exec(bare);
  const found = full ?? PART.exec(bare);
  if (!found) return null;
  const [major, minor, patch] = [Number(found[1]), Number(found[2] ?? 0), Number((full && found[3]) ?? 0)];
  if (![major, minor, patch].every(Number.isSafeInteger)) return null;
  const before = full?.[4]?.split(".").map((word) => (/^\d+$/.test(word) ? Number(word) : word)) ?? RELEASE;
  return { major, minor, patch, before };
}

/** Below 0 where the first is older, above 0 where it is newer. */
export function compareVersions(a: Version, b: Version): number {
  const core = a.major - b.major || a.minor - b.minor || a.patch - b.patch;
  if (core !== 0) return core;
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (let i = 0; i < Math.min(a.before.length, b.before.length); i++) {
    const [x, y] = [a.before[i], b.before[i]];
    if (x === y) continue;
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
    return (x ?? 0) < (y ?? 0) ? -1 : 1;
  }
  return a.before.length - b.before.length;
}
