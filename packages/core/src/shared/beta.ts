/** Logarithms of the gamma and beta functions, for evidence in closed form. Arguments are above 0. */

/** ln of gamma(x): Stirling's series (Abramowitz & Stegun 6.1.41) after moving up by x gamma(x) = gamma(x + 1). To 1e-12. */
export function lnGamma(x: number): number {
  let shift = 0;
  let z = x;
  while (z < 10) {
    shift += Math.log(z);
    z += 1;
  }
  const i = 1 / (z * z);
  const series = (1 / 12 - i * (1 / 360 - i * (1 / 1_260 - i * (1 / 1_680 - i / 1_188)))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

export const lnBeta = (a: number, b: number): number => lnGamma(a) + lnGamma(b) - lnGamma(a + b);

/** ln of the incomplete beta function, from `x` to 1, of q^(a-1) (1-q)^(b-1). x is in (0, 1). */
export function lnBetaAbove(a: number, b: number, x: number): number {
  return lnBetaBelow(b, a, 1 - x);
}

/** ln of the incomplete beta function from 0 to `x`: continued fraction 26.5.8 of Abramowitz & Stegun where it converges fast. */
export function lnBetaBelow(a: number, b: number, x: number): number {
  const whole = lnBeta(a, b);
  const fraction = (p: number, q: number, y: number) =>
    p * Math.log(y) + q * Math.log1p(-y) - Math.log(p) + Math.log(betaFraction(p, q, y));
  if (x < (a + 1) / (a + b + 2)) return fraction(a, b, x);
  const rest = fraction(b, a, 1 - x) - whole;
  return whole + Math.log1p(-Math.exp(Math.min(rest, -1e-16)));
}

const TINY = 1e-300;
/** Lentz's method as modified by Thompson & Barnett (1986): converges in about sqrt(max(a, b)) terms. */
function betaFraction(a: number, b: number, x: number): number {
  const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let found = d;
  for (let m = 1; m < 20_000; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      found *= d * c;
    }
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return found;
}
