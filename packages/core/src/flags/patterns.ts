/**
 * Regular expressions that can't stall an evaluation: JavaScript's engine tries again and again, so that a pattern of
 * ten characters can take longer than the world lasts. With one unbounded repetition at most, of one character or class, and
 * texts of at most 1,000 characters, it takes 10^6 steps at worst.
 */
const PATTERN_MAX = 200;
export const TEXT_MAX = 1_000;
const REPEATS_MAX = 1_000;

/** Why a pattern is refused; null when it is good. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_MAX) return `has more than ${PATTERN_MAX} characters`;
  const bare = pattern
    .replace(/\\[\s\S]/g, (escaped) => (/[1-9k]/.test(escaped[1] ?? "") ? "\u0001" : "a"))
    .replace(/\[[^\]]*\]/g, "c");
  if (bare.includes("\u0001")) return "refers back to a group";
  if (/\(\?[=!<]/.test(bare)) return "looks ahead or behind";
  if (/\)[*+?{]/.test(bare)) return "repeats a group";
  const bounded = [...bare.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  const unbounded = (bare.match(/[*+]/g) ?? []).length + bounded.filter(([, , to]) => to === "").length;
  if (unbounded > 1) return "has more than one unbounded repetition";
  if (bounded.some(([, from, to]) => Math.max(Number(from), Number(to ?? 0)) > REPEATS_MAX)) return "repeats too often";
  if (bounded.length + unbounded > 3) return "has more than three repetitions";
  try {
    new RegExp(pattern, "u");
  } catch {
    return "is no regular expression";
  }
  return null;
}
