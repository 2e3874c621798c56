import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { GITHUB_APP_PERMISSIONS } from "@latchkey/core/delivery/github/app";
import type { GithubRefusal } from "@latchkey/core/delivery/github/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { SignJWT } from "jose";
import { type Answered, askGithub } from "./client.ts";

/** GitHub takes at most 10 minutes, and a clock that is a minute behind its own. */
const JWT_MS = 9 * 60_000;
const CLOCK_SKEW_MS = 60_000;
/** A token is good for an hour; a request that is under way at its end must still be answered. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** An App that is not installed is not asked for again with each request. */
const REFUSED_MS = 30_000;
/** As many repositories as services may have. */
const KEPT_MAX = 1_000;

export interface GithubAppOptions {
  readonly apiUrl: string;
  readonly appId: string;
  /** The private key, in the form in which GitHub gives it: PKCS #1 or PKCS #8, PEM. */
  readonly keyFile: string;
  readonly now?: () => number;
}
type Token = Result<string, GithubRefusal>;
interface Kept {
  readonly untilMs: number;
  readonly token: Promise<Token>;
}

/** A GitHub App: makes tokens that are good for one repository and one hour, with the App's key. */
export class GithubApp {
  readonly #o: Required<GithubAppOptions>;
  readonly #kept = new Map<string, Kept>();

  constructor(options: GithubAppOptions) {
    this.#o = { now: Date.now, ...options };
  }

  /** A token for the repository: the one that there is, until shortly before its end. Asked for twice at once, it is made once. */
  tokenFor(repository: string): Promise<Token> {
    const name = repository.toLowerCase();
    const known = this.#kept.get(name);
    if (known && known.untilMs > this.#o.now()) return known.token;
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    const token = this.#make(name).then(({ made, untilMs }) => {
      this.#kept.set(name, { untilMs, token: Promise.resolve(made) });
      return made;
    });
    this.#kept.set(name, { untilMs: this.#o.now() + REFUSED_MS, token });
    return token;
  }

  /** GitHub has refused the token before its time: the next request makes another. */
  forget(repository: string): void {
    this.#kept.delete(repository.toLowerCase());
  }

  async #make(repository: string): Promise<{ readonly made: Token; readonly untilMs: number }> {
    const made = await this.#ask(repository);
    if (!made.ok) return { made, untilMs: this.#o.now() + Math.max(REFUSED_MS, made.error.retryAfterMs ?? 0) };
    const { token, expiresAtMs } = made.value;
    return { made: ok(token), untilMs: expiresAtMs - RENEW_BEFORE_MS };
  }

  async #ask(
    repository: string,
  ): Promise<Result<{ readonly token: string; readonly expiresAtMs: number }, GithubRefusal>> {
    const jwt = await this.#jwt();
    if (!jwt.ok) return jwt;
    const own = { apiUrl: this.#o.apiUrl, token: jwt.value, now: this.#o.now };
    const [owner = "", repo = ""] = repository.split("/");
    const found = await askGithub(own, "GET /repos/{owner}/{repo}/installation", { owner, repo });
    if (!found.ok)
      return found.error.isGone
        ? err({ ...found.error, words: `The GitHub App ${this.#o.appId} is not installed for ${repository}.` })
        : found;
    const installation_id = Number((found.value.data as { id?: unknown } | null)?.id);
    const route = "POST /app/installations/{installation_id}/access_tokens";
    const asked = { installation_id, repositories: [repo] };
    const made = await askGithub(own, route, { ...asked, permissions: GITHUB_APP_PERMISSIONS });
    // Whoever installed it may have granted less than it asks for: then it gets what there is.
    return made.ok || made.error.status !== 422 ? tokenIn(made) : tokenIn(await askGithub(own, route, asked));
  }

  async #jwt(): Promise<Token> {
    const nowMs = this.#o.now();
    try {
      const key = createPrivateKey(await readFile(this.#o.keyFile));
      const jwt = await new SignJWT({})
        .setProtectedHeader({ alg: "RS256" })
        .setIssuer(this.#o.appId)
        .setIssuedAt(Math.floor((nowMs - CLOCK_SKEW_MS) / 1_000))
        .setExpirationTime(Math.floor((nowMs + JWT_MS) / 1_000))
        .sign(key);
      return ok(jwt);
    } catch (error) {
      const words = `${this.#o.keyFile} holds no private key of a GitHub App: ${(error as Error).message.slice(0, 200)}`;
      return err({ words, retryAfterMs: null, isGone: false, status: null });
    }
  }
}

function tokenIn(
  made: Result<Answered, GithubRefusal>,
): Result<{ readonly token: string; readonly expiresAtMs: number }, GithubRefusal> {
  if (!made.ok) return made;
  const { token, expires_at } = (made.value.data ?? {}) as { token?: unknown; expires_at?: unknown };
  const expiresAtMs = Date.parse(String(expires_at));
  if (typeof token === "string" && token !== "" && Number.isFinite(expiresAtMs)) return ok({ token, expiresAtMs });
  return err({ words: "GitHub made a token that can't be read", retryAfterMs: null, isGone: false, status: null });
}
