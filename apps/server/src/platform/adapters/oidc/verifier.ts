import { err, ok, type Result } from "@latchkey/core/shared/result";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";

/** What GitHub signs with. Nothing symmetric: its "secret" would be the public key, which everybody has. */
const ALGORITHMS = ["RS256"];
/** Two machines' clocks. */
const CLOCK_SKEW_S = 30;
/** GitHub's tokens live for 5 minutes and more; one that is older than an hour was kept by somebody. */
const AGE_MAX_S = 3_600;
const KEYS_TIMEOUT_MS = 5_000;
/** Keys change rarely; a key that is unknown is looked for again, at most this often, so that forged ones make no load. */
const KEYS_COOLDOWN_MS = 30_000;
const KEYS_KEPT_MS = 600_000;
/** Where the issuer can't be asked, keys that it had are trusted so long; then nobody is let in by them. */
const KEYS_TRUSTED_MS = 24 * 3_600_000;

export interface Verifier {
  /** The claims of a token that the issuer signed for this audience, and that is good now; or why not: a sentence that names the claim. */
  verify(token: string, audience: string): Promise<Result<JWTPayload, string>>;
}

/** When a verified token ends, whatever it says of itself. Milliseconds since 1970. */
export const goodUntilMs = ({ exp = 0, iat = 0 }: JWTPayload): number =>
  (Math.min(exp, iat + AGE_MAX_S) + 2 * CLOCK_SKEW_S) * 1_000;

export interface VerifierOptions {
  readonly now?: () => number;
  /** How long keys are taken for the issuer's without asking again. Milliseconds. */
  readonly keysKeptMs?: number;
}

/** Verifies tokens of an OpenID Connect issuer by its published keys (OpenID Connect Discovery 1.0; RFC 7519). */
export function oidcVerifier(issuer: string, o: VerifierOptions = {}): Verifier {
  const keys = keysOf(issuer, o.now ?? Date.now, o.keysKeptMs ?? KEYS_KEPT_MS);
  return {
    verify: async (token, audience) => {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_SKEW_S,
          maxTokenAge: AGE_MAX_S,
          requiredClaims: ["exp", "iat", "aud", "iss", "sub", "jti"],
        });
        return ok(payload);
      } catch (error) {
        return err(wordsOf(error, issuer, audience));
      }
    },
  };
}

/** The issuer's keys; while it can't be asked those that it had, for a day, and without asking for each token. */
function keysOf(issuer: string, now: () => number, keptMs: number): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(`${issuer.replace(/\/$/, "")}/.well-known/jwks`), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: keptMs,
  });
  let knownAt = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (header, token) => {
    const known = remote.jwks();
    const mayUseKnown = known !== undefined && now() - knownAt < KEYS_TRUSTED_MS;
    if (known && mayUseKnown && now() - failedAt < KEYS_COOLDOWN_MS) return createLocalJWKSet(known)(header, token);
    try {
      const key = await remote(header, token);
      knownAt = now();
      return key;
    } catch (error) {
      if (!couldNotAsk(error)) throw error;
      failedAt = now();
      if (!known || !mayUseKnown) throw error;
      return createLocalJWKSet(known)(header, token);
    }
  };
}
/** Not "it has no such key", but no answer that is one. */
const couldNotAsk = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  !(error instanceof errors.JOSEError) ||
  error.code === "ERR_JOSE_GENERIC";

function wordsOf(error: unknown, issuer: string, audience: string): string {
  if (error instanceof errors.JWTExpired) return `${error.claim}: the token has expired or is too old`;
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return `aud: the token is for another audience than ${audience}`;
    if (error.claim === "iss") return `iss: the token is not one of ${issuer}`;
    return error.reason === "missing"
      ? `${error.claim}: the token lacks this claim`
      : `${error.claim}: not as it must be`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return `alg: only ${ALGORITHMS.join(", ")} is taken`;
  if (error instanceof errors.JWKSNoMatchingKey) return `kid: ${issuer} has no such key`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return `signature: not made by ${issuer}`;
  if (couldNotAsk(error)) return `the keys of ${issuer} can't be had at the moment`;
  if (error instanceof errors.JOSENotSupported) return `alg: only ${ALGORITHMS.join(", ")} is taken`;
  return "the token can't be read: it is no signed JWT";
}
