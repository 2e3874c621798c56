import { err, ok, type Result } from "@latchkey/core/shared/result";
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";

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

export interface Verifier {
  /** The claims of a token that the issuer signed for this audience, and that is good now; or why not: a sentence that names the claim. */
  verify(token: string, audience: string): Promise<Result<JWTPayload, string>>;
}

/** Verifies tokens of an OpenID Connect issuer by its published keys (OpenID Connect Discovery 1.0; RFC 7519). */
export function oidcVerifier(issuer: string): Verifier {
  const keys = createRemoteJWKSet(new URL(`${issuer.replace(/\/$/, "")}/.well-known/jwks`), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_KEPT_MS,
  });
  return {
    verify: async (token, audience) => {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_SKEW_S,
          maxTokenAge: AGE_MAX_S,
          requiredClaims: ["exp", "iat", "aud", "iss", "sub"],
        });
        return ok(payload);
      } catch (error) {
        return err(wordsOf(error, issuer, audience));
      }
    },
  };
}

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
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError))
    return `the keys of ${issuer} can't be had at the moment`;
  if (error instanceof errors.JOSENotSupported) return `alg: only ${ALGORITHMS.join(", ")} is taken`;
  return "the token can't be read: it is no signed JWT";
}
