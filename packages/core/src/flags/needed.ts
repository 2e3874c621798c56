import type { Flag } from "./model.ts";

/**
 * A flag with those that it needs in an environment, over others too: what has to be compiled to answer for it. Empty where
 * there is no such flag.
 */
export function neededFlags(get: (key: string) => Flag | undefined, key: string, environment: string): Flag[] {
  const found = new Map<string, Flag>();
  const waiting = [key];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const flag = found.has(next) ? undefined : get(next);
    if (!flag) continue;
    found.set(next, flag);
    for (const { flag: other } of flag.environments[environment]?.prerequisites ?? []) waiting.push(other);
  }
  return [...found.values()];
}
