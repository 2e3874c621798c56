/** Installs what is missing of the named Debian packages, where it can. Answers those that are there afterwards. */
export function ensureDebian(names: readonly string[]): string[];
