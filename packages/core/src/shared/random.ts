/** Chance from a seed, so that a run comes again. */
export type Random = () => number;

/** mulberry32 (T. Ettinger, public domain): 32 bits of state, good enough for traffic. */
export function seeded(seed: number): Random {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A generator of its own for each session: what one visitor does hangs on no other's timing. */
export const seedOf = (seed: number, session: number): number => (seed ^ Math.imul(session + 1, 0x9e3779b1)) >>> 0;

export const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

export function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() * list.length)] ?? list[0];
}

export function weighted<K extends string>(random: Random, weights: Readonly<Record<K, number>>): K {
  const entries = Object.entries(weights) as [K, number][];
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  let left = random() * total;
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  return (entries.at(-1) as [K, number])[0];
}

/** Times of a Poisson process in milliseconds from its start. Absolute: a timer that comes late is made up for. */
export function* arrivals(random: Random, perSecond: number): Generator<number, never> {
  for (let at = 0; ; ) {
    at += exponential(random, 1000 / perSecond);
    yield at;
  }
}
