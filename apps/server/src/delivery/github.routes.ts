import { createHmac, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { Executor } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { storeDeliveries } from "./github.store.ts";
import { DeliveryShelf } from "./github-shelf.ts";

/** GitHub's own limit for a payload. */
const BODY_MAX_BYTES = 25 * 1_048_576;
/** In memory at once, 25 MB each at worst. GitHub delivers what is refused again when it is asked to. */
const AT_ONCE_MAX = 128;

export interface GithubHookOptions {
  readonly db: Executor;
  readonly secrets: () => Promise<readonly string[]>;
  /** Something was stored. */
  readonly onStored: () => void;
}

/**
 * Takes GitHub's deliveries: the signature over the bytes as they came is checked, the delivery is stored and answered, and
 * only then is anything made of it. Whoever signs right is not limited: GitHub delivers a burst for each push.
 */
export function registerGithubHook(http: Http, o: GithubHookOptions): void {
  let underWay = 0;
  const shelf = new DeliveryShelf((rows) => storeDeliveries(o.db, rows));
  void http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "application/json",
      { parseAs: "buffer", bodyLimit: BODY_MAX_BYTES },
      (_request, body, done) => done(null, body),
    );
    scope.post("/hooks/github", {
      bodyLimit: BODY_MAX_BYTES,
      onRequest: async (request) => {
        checkHead(request);
        if (underWay >= AT_ONCE_MAX)
          throw new ProblemError("LK_TOO_MANY", {
            detail: `${AT_ONCE_MAX} deliveries are being taken at this moment.`,
            retryAfterMs: 1_000,
          });
        underWay += 1;
        request.raw.once("close", () => {
          underWay -= 1;
        });
      },
      handler: async (request, reply) => {
        const secrets = await o.secrets();
        if (secrets.length === 0)
          throw new ProblemError("LK_UNAVAILABLE", {
            detail: "This server has no secret for GitHub's webhook.",
            remedy: "Start it with --github-webhook-secret-file, or LATCHKEY_GITHUB_WEBHOOK_SECRET.",
          });
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        if (!isSigned(body, headerOf(request, "x-hub-signature-256"), secrets)) throw refused(http, request);
        const id = headerOf(request, "x-github-delivery");
        const event = headerOf(request, "x-github-event");
        const isNew = await shelf.put({ id, event, body });
        if (isNew) o.onStored();
        return reply.code(202).send({ delivery: id, stored: isNew });
      },
    });
  });
}

const headerOf = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
};

/** Before the body is read: what it must say of itself. */
function checkHead(request: FastifyRequest): void {
  const must: readonly [string, RegExp, string][] = [
    ["x-github-delivery", /^[0-9A-Za-z-]{1,100}$/, "GitHub's id of the delivery"],
    ["x-github-event", /^[a-z_]{1,100}$/, "the name of the event"],
    ["content-type", /^application\/json\b/, "application/json: choose it as the webhook's content type"],
  ];
  for (const [name, form, message] of must)
    if (!form.test(headerOf(request, name)))
      throw new ProblemError("LK_INVALID", {
        detail: `The header ${name} is missing or not as GitHub sends it.`,
        fields: [{ field: name, message }],
      });
}

/** Whether one of the secrets made the signature; compared in a time that tells nothing of it. */
export function isSigned(body: Buffer, signature: string, secrets: readonly string[]): boolean {
  const given = Buffer.from(/^sha256=([0-9a-f]{64})$/.exec(signature)?.[1] ?? "", "hex");
  let isGood = false;
  for (const secret of secrets) {
    const own = createHmac("sha256", secret).update(body).digest();
    // No early return: which of the secrets it was is nobody's business either.
    if (given.length === own.length && timingSafeEqual(given, own)) isGood = true;
  }
  return isGood;
}

function refused(http: Http, request: FastifyRequest): ProblemError {
  const standing = http.latchkey.limits.ofAddress(request.ip);
  if (!standing.allowed)
    return new ProblemError("LK_RATE_LIMITED", {
      detail: "Too many deliveries with a wrong signature came from this address.",
      retryAfterMs: standing.waitMs,
    });
  return new ProblemError("LK_UNAUTHENTICATED", {
    detail: "The signature in X-Hub-Signature-256 was not made of this body with the webhook's secret.",
    remedy: "Give the webhook on GitHub the secret that is in the server's --github-webhook-secret-file.",
  });
}
