import { setTimeout as wait } from "node:timers/promises";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { z } from "zod";

const TIMEOUT_MS = 30_000;
/** Netlify allows 500 requests a minute: what is refused for it is asked again when Netlify says, but not later than this. */
const WAIT_MAX_MS = 60_000;
const TRIES = 4;
/** What another try may mend: a limit, and what a provider's own machines answer while they are changed. */
const PASSING: readonly number[] = [429, 500, 502, 503, 504];
const PAGE = 100;
const PAGES_MAX = 3;

/** What is read of a deploy (definition `deploy` of Netlify's API description). */
export const Deploy = z.object({
  id: z.string(),
  site_id: z.string(),
  state: z.string(),
  name: z.string().nullish(),
  admin_url: z.string().nullish(),
  deploy_ssl_url: z.string().nullish(),
  /** SHA-1 digests of files, and SHA-256 digests of functions, that are to be uploaded. */
  required: z.array(z.string()).nullish(),
  required_functions: z.array(z.string()).nullish(),
  error_message: z.string().nullish(),
  branch: z.string().nullish(),
  commit_ref: z.string().nullish(),
  review_id: z.number().nullish(),
  title: z.string().nullish(),
  context: z.string().nullish(),
  locked: z.boolean().nullish(),
  draft: z.boolean().nullish(),
  created_at: z.string().nullish(),
  published_at: z.string().nullish(),
});
export type Deploy = z.infer<typeof Deploy>;
const Site = z.object({
  id: z.string(),
  name: z.string().nullish(),
  ssl_url: z.string().nullish(),
  published_deploy: Deploy.nullish(),
});
export type Site = z.infer<typeof Site>;

export interface NetlifyRefusal {
  readonly words: string;
  /** The answer's status; null where there was none. */
  readonly status: number | null;
}
type Answer<T> = Promise<Result<T, NetlifyRefusal>>;
export interface DeployWish {
  readonly files: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<string, string>>;
}

/** Asks Netlify's API. What can't be done is a refusal with a sentence; what may pass is tried again. */
export class NetlifyClient {
  readonly #apiUrl: string;
  readonly #token: () => Promise<string | null>;
  readonly #wait: (ms: number) => Promise<unknown>;

  constructor(o: {
    readonly apiUrl: string;
    readonly token: () => Promise<string | null>;
    readonly wait?: (ms: number) => Promise<unknown>;
  }) {
    this.#apiUrl = o.apiUrl.replace(/\/$/, "");
    this.#token = o.token;
    this.#wait = o.wait ?? wait;
  }

  /** Whether addresses that it answers may be other than https: only where Netlify itself is played on this machine. */
  get isLoopback(): boolean {
    return /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(this.#apiUrl);
  }

  site(siteId: string): Answer<Site> {
    return this.#json("GET", `/sites/${enc(siteId)}`, Site);
  }

  /** The newest of a site, at most 300. */
  async deploys(siteId: string, pages = PAGES_MAX): Answer<readonly Deploy[]> {
    const found: Deploy[] = [];
    for (let page = 1; page <= pages; page++) {
      const answer = await this.#json(
        "GET",
        `/sites/${enc(siteId)}/deploys?page=${page}&per_page=${PAGE}`,
        z.array(Deploy),
      );
      if (!answer.ok) return answer;
      found.push(...answer.value);
      if (answer.value.length < PAGE) break;
    }
    return ok(found);
  }

  deploy(deployId: string): Answer<Deploy> {
    return this.#json("GET", `/deploys/${enc(deployId)}`, Deploy);
  }

  /** A deploy by the digests of its files, which goes live only when it is published. */
  create(siteId: string, title: string, wish: DeployWish): Answer<Deploy> {
    const path = `/sites/${enc(siteId)}/deploys?title=${enc(title)}`;
    return this.#json("POST", path, Deploy, { ...wish, draft: true, async: false });
  }

  /** Has Netlify build the newest commit of a branch. */
  build(siteId: string, branch: string, title: string): Answer<unknown> {
    return this.#json("POST", `/sites/${enc(siteId)}/builds?branch=${enc(branch)}&title=${enc(title)}`, z.unknown());
  }

  putFile(deployId: string, path: string, body: Uint8Array): Answer<unknown> {
    const name = path.split("/").map(enc).join("/");
    return this.#send("PUT", `/deploys/${enc(deployId)}/files/${name}`, body, "application/octet-stream");
  }

  putFunction(deployId: string, name: string, zip: Uint8Array): Answer<unknown> {
    const path = `/deploys/${enc(deployId)}/functions/${enc(name)}?runtime=js`;
    return this.#send("PUT", path, zip, "application/octet-stream");
  }

  /** Makes a deploy the one that the site's own address shows. */
  publish(siteId: string, deployId: string): Answer<Deploy> {
    return this.#json("POST", `/sites/${enc(siteId)}/deploys/${enc(deployId)}/restore`, Deploy);
  }

  /** Locked, nothing that Netlify builds goes live by itself. */
  setLocked(deployId: string, locked: boolean): Answer<Deploy> {
    return this.#json("POST", `/deploys/${enc(deployId)}/${locked ? "lock" : "unlock"}`, Deploy);
  }

  cancel(deployId: string): Answer<unknown> {
    return this.#send("POST", `/deploys/${enc(deployId)}/cancel`);
  }

  delete(deployId: string): Answer<unknown> {
    return this.#send("DELETE", `/deploys/${enc(deployId)}`);
  }

  async #json<T>(method: string, path: string, shape: z.ZodType<T>, body?: unknown): Answer<T> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.#send(method, path, text, text === undefined ? undefined : "application/json");
    if (!answer.ok) return answer;
    const parsed = shape.safeParse(answer.value);
    if (parsed.success) return ok(parsed.data);
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") || "the answer";
    return err({
      words: `Netlify's answer to ${method} ${bare(path)} can't be read: ${where} ${issue?.message}`,
      status: null,
    });
  }

  async #send(method: string, path: string, body?: string | Uint8Array, type?: string): Answer<unknown> {
    const token = await this.#token();
    if (token === null)
      return err({ words: "This server has no token for Netlify: start it with --netlify-token-file.", status: null });
    for (let tries = 1; ; tries++) {
      const outcome = await this.#once(token, method, path, body, type);
      if (outcome.ok || !outcome.error.passes || tries === TRIES) return outcome;
      await this.#wait(outcome.error.waitMs ?? 250 * 2 ** tries);
    }
  }

  async #once(
    token: string,
    method: string,
    path: string,
    body: string | Uint8Array | undefined,
    type: string | undefined,
  ): Promise<Result<unknown, NetlifyRefusal & { readonly passes: boolean; readonly waitMs: number | null }>> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#apiUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          "user-agent": "latchkey",
          ...(type ? { "content-type": type } : {}),
        },
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const why =
        error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
      const words = `Netlify did not answer to ${method} ${bare(path)}: ${why.slice(0, 200)}`;
      // What may have been done is found by whoever looks again: only reading, and what is the same twice, is repeated.
      return err({ words, status: null, passes: method !== "POST", waitMs: null });
    }
    if (response.ok) return ok(parseJson(text));
    const said = (parseJson(text) as { message?: unknown } | null)?.message ?? text;
    const words = `Netlify answered ${response.status} to ${method} ${bare(path)}: ${String(said).slice(0, 300)}`;
    const passes = response.status === 429 || (PASSING.includes(response.status) && method !== "POST");
    return err({ words, status: response.status, passes, waitMs: resetOf(response.headers) });
  }
}

/** A part of a path or of a query. */
const enc = encodeURIComponent;
/** An answer of a refusal names what was asked, not with what. */
const bare = (path: string): string => path.split("?")[0] ?? path;

function parseJson(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** When the allowance is whole again, in milliseconds from now: Retry-After, or X-RateLimit-Reset (seconds, or a time). */
function resetOf(headers: Headers): number | null {
  const after = Number(headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(after)) return Math.min(WAIT_MAX_MS, Math.max(0, after * 1_000));
  const reset = headers.get("x-ratelimit-reset");
  if (reset === null) return null;
  const at = /^\d+$/.test(reset) ? Number(reset) * 1_000 : Date.parse(reset);
  return Number.isFinite(at) ? Math.min(WAIT_MAX_MS, Math.max(0, at - Date.now())) : null;
}
