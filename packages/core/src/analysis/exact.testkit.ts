/** Rational numbers, exact: what is said of a mean in them is a proof for those inputs. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}
const gcd = (a: bigint, b: bigint): bigint => {
  let [x, y] = [a < 0n ? -a : a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
};
/** n / d, d > 0. */
export function rational(n: number | bigint, d: number | bigint = 1): Rational {
  const [a, b] = [BigInt(n), BigInt(d)];
  const by = gcd(a, b);
  return by === 0n ? { n: 0n, d: 1n } : { n: a / by, d: b / by };
}
export const ONE = rational(1);
export const ZERO = rational(0);
export const plus = (a: Rational, b: Rational): Rational => rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const times = (a: Rational, b: Rational): Rational => rational(a.n * b.n, a.d * b.d);
export const minus = (a: Rational, b: Rational): Rational => plus(a, { n: -b.n, d: b.d });
export const over = (a: Rational, b: Rational): Rational => times(a, { n: b.d, d: b.n });
export const power = (a: Rational, k: number): Rational => ({ n: a.n ** BigInt(k), d: a.d ** BigInt(k) });
export const atMost = (a: Rational, b: Rational): boolean => a.n * b.d <= b.n * a.d;
/** The nearest double, also of numbers whose parts are far beyond one. */
export function toNumber({ n, d }: Rational): number {
  const shift = 2n ** 80n;
  return Number((n * shift) / d) / 2 ** 80;
}
/** Terms of the exponential's series for |x| <= 1: the next is below 2^-100. */
const TERMS = 30;
/** e^x from above, for |x| <= 1: the series, and twice its next term for all that is left. */
export function expAbove(x: Rational): Rational {
  let [sum, term] = [ONE, ONE];
  for (let i = 1; i <= TERMS; i++) {
    term = over(times(term, x), rational(i));
    sum = plus(sum, term);
  }
  const left = over(times(term, x), rational(TERMS + 1));
  return plus(sum, times(rational(2), left.n < 0n ? { n: -left.n, d: left.d } : left));
}

/** One request: to the canary with chance w, and failing with chance pc there and pb else. */
export interface Request {
  readonly w: Rational;
  readonly pb: Rational;
  readonly pc: Rational;
}
export interface Outcome {
  readonly canary: number;
  readonly canaryBad: number;
  readonly baselineBad: number;
}

/** Every outcome of a batch with its exact chance. The chances may be other ones for each request. */
export function outcomesOf(requests: readonly Request[]): readonly (readonly [Outcome, Rational])[] {
  let chances = new Map<string, Rational>([["0,0,0", ONE]]);
  for (const { w, pb, pc } of requests) {
    const next = new Map<string, Rational>();
    const add = (key: string, chance: Rational) => next.set(key, plus(next.get(key) ?? ZERO, chance));
    for (const [key, chance] of chances) {
      const [n = 0, kc = 0, kb = 0] = key.split(",").map(Number);
      const off = minus(ONE, w);
      add([n + 1, kc + 1, kb].join(), times(chance, times(w, pc)));
      add([n + 1, kc, kb].join(), times(chance, times(w, minus(ONE, pc))));
      add([n, kc, kb + 1].join(), times(chance, times(off, pb)));
      add([n, kc, kb].join(), times(chance, times(off, minus(ONE, pb))));
    }
    chances = next;
  }
  return [...chances].map(([key, chance]) => {
    const [canary = 0, canaryBad = 0, baselineBad = 0] = key.split(",").map(Number);
    return [{ canary, canaryBad, baselineBad }, chance];
  });
}
