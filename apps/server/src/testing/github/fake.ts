import { createHash, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { jwtVerify } from "jose";

/**
 * A GitHub that keeps what it is told: checks, deployments with statuses, comments, hooks with deliveries, pull requests. Requests
 * are validated with GitHub's own description of its API (openapi.json: taken from the package @octokit/openapi 23.0.2, MIT,
 * without its texts); what does not fit is answered 422 and kept in `violations`.
 */
export interface Thing {
  readonly id: number;
  [name: string]: unknown;
}
interface Description {
  readonly query: readonly { readonly name: string; readonly schema: object; readonly required?: boolean }[];
  readonly body: object | null;
}
const DESCRIPTION = JSON.parse(readFileSync(join(import.meta.dirname, "openapi.json"), "utf8")) as Record<
  string,
  Description
>;

type Asked = { params: Record<string, string>; query: Record<string, string>; body: Record<string, unknown> };
type On = (name: string, answer: (asked: Asked) => { status?: number; body: unknown } | null) => void;

export class FakeGithub {
  readonly token = "a token of the tests";
  /** An App that is installed for every repository; its tokens may write checks, which no other may. */
  readonly appId = "123456";
  readonly appKey: string;
  readonly #appKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** Tokens that were made for the App, newest last, with what each is good for. */
  readonly appTokens: { readonly token: string; readonly asked: Record<string, unknown>; isRevoked: boolean }[] = [];
  isInstalled = true;
  /** How long the App's tokens are good. */
  appTokenMs = 3_600_000;
  readonly statuses: Thing[] = [];
  readonly checks: Thing[] = [];
  readonly deployments: (Thing & { statuses: Thing[] })[] = [];
  readonly comments: Thing[] = [];
  readonly pulls: Thing[] = [];
  /** By the pull request's number. */
  readonly reviews: Record<string, Thing[]> = {};
  readonly alerts: Record<string, Thing[]> = {};
  readonly hooks: (Thing & { deliveries: Thing[]; redelivered: number[] })[] = [];
  head = "0".repeat(40);
  readonly violations: string[] = [];
  readonly asked: string[] = [];
  /** The next requests are answered so, one each: a gateway's error, an allowance that is used up. */
  readonly refusals: { readonly status: number; readonly headers?: Record<string, string> }[] = [];
  /** The next request that fits is answered so, once for each. */
  readonly refusedRoutes: { readonly form: RegExp; readonly status: number; readonly headers?: undefined }[] = [];
  /** Does what it is asked, and cuts the connection before it answers: once for each. */
  readonly lostAnswers: RegExp[] = [];
  #app: FastifyInstance | null = null;
  #id = 1000;
  url = "";

  private constructor() {
    // As GitHub gives it: PKCS #1.
    this.appKey = String(this.#appKeys.privateKey.export({ type: "pkcs1", format: "pem" }));
  }

  static async start(): Promise<FakeGithub> {
    const made = new FakeGithub();
    made.#app = await made.#build();
    made.url = await made.#app.listen({ host: "127.0.0.1", port: 0 });
    return made;
  }

  async stop(): Promise<void> {
    this.#app?.server.closeAllConnections();
    await this.#app?.close();
  }

  #next(): number {
    this.#id += 1;
    return this.#id;
  }

  async #build(): Promise<FastifyInstance> {
    const app = Fastify({
      ajv: { customOptions: { strict: false, allErrors: false, removeAdditional: false, coerceTypes: "array" } },
    });
    app.setErrorHandler((error, request, reply) => {
      const { validation, message } = error as { validation?: unknown; message: string };
      if (validation) this.violations.push(`${request.method} ${request.url}: ${message}`);
      return reply.code(validation ? 422 : 500).send({ message });
    });
    app.addHook("onRequest", async (request, reply) => {
      this.asked.push(`${request.method} ${request.url}`);
      const fits = this.refusedRoutes.findIndex(({ form }) => form.test(request.url));
      const refusal = fits >= 0 ? this.refusedRoutes.splice(fits, 1)[0] : this.refusals.shift();
      if (refusal)
        return reply
          .code(refusal.status)
          .headers(refusal.headers ?? {})
          .send({ message: "refused by the test" });
      const why = await this.#whyNot(request);
      return why === null ? undefined : reply.code(why.status).send({ message: why.message });
    });
    app.addHook("onSend", async (request, reply, payload) => {
      const lost = this.lostAnswers.findIndex((form) => form.test(`${request.method} ${request.url}`));
      if (lost >= 0) {
        this.lostAnswers.splice(lost, 1);
        request.raw.socket.destroy();
        return payload;
      }
      if (request.method !== "GET" || reply.statusCode !== 200) return payload;
      const etag = `"${createHash("sha256").update(String(payload)).digest("hex").slice(0, 16)}"`;
      reply.header("etag", etag);
      if (request.headers["if-none-match"] !== etag) return payload;
      reply.code(304);
      return "";
    });
    this.#routes(app);
    return app;
  }

  /** Whether the request's token is one, and may do this. */
  async #whyNot(request: FastifyRequest): Promise<{ readonly status: number; readonly message: string } | null> {
    const bad = { status: 401, message: "Bad credentials" };
    const bearer = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const route = request.routeOptions.url ?? "";
    if (route.endsWith("/installation") || route.startsWith("/app/")) {
      const { appId } = this;
      const own = { issuer: appId, algorithms: ["RS256"], maxTokenAge: "11 minutes" };
      return jwtVerify(bearer, this.#appKeys.publicKey, own).then(
        () => null,
        () => bad,
      );
    }
    const isApp = this.appTokens.some((t) => t.token === bearer && !t.isRevoked);
    if (!isApp && bearer !== this.token) return bad;
    if (!isApp && request.method !== "GET" && route.includes("/check-runs"))
      return { status: 403, message: "You must authenticate via a GitHub App." };
    return null;
  }

  #appRoutes(on: On): void {
    on("get /repos/{owner}/{repo}/installation", () => (this.isInstalled ? { body: { id: 77 } } : null));
    on("post /app/installations/{installation_id}/access_tokens", ({ body }) => {
      const token = `ghs_${this.#next()}`;
      this.appTokens.push({ token, asked: body, isRevoked: false });
      return { status: 201, body: { token, expires_at: new Date(Date.now() + this.appTokenMs).toISOString() } };
    });
    on("get /repos/{owner}/{repo}/commits/{ref}/statuses", ({ params }) => ({
      body: this.statuses.filter((s) => s.sha === params.ref).toReversed(),
    }));
    on("post /repos/{owner}/{repo}/statuses/{sha}", ({ params, body }) => {
      const made = { id: this.#next(), sha: params.sha, ...body };
      this.statuses.push(made);
      return { status: 201, body: made };
    });
  }

  #routes(app: FastifyInstance): void {
    const on: On = (name, answer) => {
      const [method = "get", path = ""] = name.split(" ");
      const { query, body } = DESCRIPTION[name] ?? { query: [], body: null };
      app.route({
        method: method.toUpperCase() as "GET",
        url: path.replace(/\{(\w+)\}/g, ":$1"),
        schema: {
          querystring: {
            type: "object",
            additionalProperties: false,
            properties: Object.fromEntries(query.map((q) => [q.name, q.schema])),
          },
          ...(body ? { body } : {}),
        },
        handler: async (request, reply) => {
          const done = answer(request as unknown as Asked);
          return done === null
            ? reply.code(404).send({ message: "Not Found" })
            : reply.code(done.status ?? 200).send(done.body);
        },
      });
    };
    const page = <T>(items: readonly T[], { per_page = "30", page: at = "1" }: Record<string, string>) =>
      items.slice((Number(at) - 1) * Number(per_page), Number(at) * Number(per_page));
    this.#appRoutes(on);
    const R = "/repos/{owner}/{repo}";
    on(`get ${R}/commits/{ref}/check-runs`, ({ params, query }) => {
      const runs = this.checks.filter(
        (c) => c.head_sha === params.ref && (query.check_name === undefined || c.name === query.check_name),
      );
      return { body: { total_count: runs.length, check_runs: runs } };
    });
    on(`post ${R}/check-runs`, ({ body }) => {
      const made = { id: this.#next(), started_at: "2026-01-01T00:00:00Z", ...body };
      this.checks.push(made);
      return { status: 201, body: made };
    });
    on(`patch ${R}/check-runs/{check_run_id}`, ({ params, body }) => {
      const found = this.checks.find((c) => c.id === Number(params.check_run_id));
      return found ? { body: Object.assign(found, body) } : null;
    });
    on(`get ${R}/deployments`, ({ query }) => ({
      body: page(
        this.deployments.filter((d) => d.ref === query.sha && d.environment === query.environment),
        query,
      ),
    }));
    on(`post ${R}/deployments`, ({ body }) => {
      const made = { id: this.#next(), statuses: [], ...body };
      this.deployments.push(made);
      return { status: 201, body: made };
    });
    on(`get ${R}/deployments/{deployment_id}/statuses`, ({ params, query }) => {
      const found = this.deployments.find((d) => d.id === Number(params.deployment_id));
      return found ? { body: page(found.statuses.toReversed(), query) } : null;
    });
    on(`post ${R}/deployments/{deployment_id}/statuses`, ({ params, body }) => {
      const found = this.deployments.find((d) => d.id === Number(params.deployment_id));
      const made = { id: this.#next(), ...body };
      found?.statuses.push(made);
      return found ? { status: 201, body: made } : null;
    });
    on(`get ${R}/issues/{issue_number}/comments`, ({ params, query }) => ({
      body: page(
        this.comments.filter((c) => c.issue === Number(params.issue_number)),
        query,
      ),
    }));
    on(`post ${R}/issues/{issue_number}/comments`, ({ params, body }) => {
      const made = { id: this.#next(), issue: Number(params.issue_number), ...body };
      this.comments.push(made);
      return { status: 201, body: made };
    });
    on(`patch ${R}/issues/comments/{comment_id}`, ({ params, body }) => {
      const found = this.comments.find((c) => c.id === Number(params.comment_id));
      return found ? { body: Object.assign(found, body) } : null;
    });
    on(`get ${R}/pulls`, ({ query }) => ({ body: page(this.pulls, query) }));
    on(`get ${R}/pulls/{pull_number}/reviews`, ({ params, query }) => ({
      body: page(this.reviews[params.pull_number ?? ""] ?? [], query),
    }));
    on(`get ${R}/branches/{branch}`, () => ({ body: { name: "main", commit: { sha: this.head } } }));
    for (const kind of ["code-scanning", "dependabot", "secret-scanning"])
      on(`get ${R}/${kind}/alerts`, ({ query }) =>
        this.alerts[kind] ? { body: page(this.alerts[kind], query) } : null,
      );
    on(`get ${R}/hooks`, ({ query }) => ({ body: page(this.hooks, query) }));
    on(`get ${R}/hooks/{hook_id}/deliveries`, ({ params }) => {
      const found = this.hooks.find((h) => h.id === Number(params.hook_id));
      return found ? { body: found.deliveries } : null;
    });
    on(`post ${R}/hooks/{hook_id}/deliveries/{delivery_id}/attempts`, ({ params }) => {
      const found = this.hooks.find((h) => h.id === Number(params.hook_id));
      found?.redelivered.push(Number(params.delivery_id));
      return found ? { status: 202, body: {} } : null;
    });
  }
}
