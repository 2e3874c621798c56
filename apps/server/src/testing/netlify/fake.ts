import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { Description } from "./description.ts";
import {
  type DeployFolder,
  deployServer,
  type EdgeFunction,
  folderOfUpload,
  listenOn,
  serveThrough,
} from "./serving.ts";

const EDGE_FILE = fileURLToPath(
  new URL("../../../../../packages/netlify-runtime/src/edge/latchkey-split.ts", import.meta.url),
);

export interface FakeDeploy {
  readonly id: string;
  site_id: string;
  state: string;
  title: string | null;
  branch: string | null;
  commit_ref: string | null;
  context: string;
  draft: boolean;
  locked: boolean;
  review_id?: number;
  error_message?: string;
  required: string[];
  required_functions: string[];
  published_at?: string;
  readonly created_at: string;
  readonly name: string;
  readonly admin_url: string;
  deploy_ssl_url?: string;
}
interface Inner {
  readonly deploy: FakeDeploy;
  /** The states that it goes through, one at each look. */
  readonly ahead: string[];
  folder: DeployFolder | null;
  readonly wishes: { readonly files: Record<string, string>; readonly functions: Record<string, string> } | null;
  readonly uploaded: Map<string, Buffer>;
  server: Server | null;
}

/**
 * A Netlify with one site, which serves what is deployed to it on this machine: each deploy at an address of its own, and the
 * published one at the site's. States move on at each look. Requests and answers are checked against Netlify's own
 * description; a request that does not fit is answered 422 and kept in `violations`.
 */
export class FakeNetlify {
  readonly token = "a token of the tests";
  readonly siteId = "0b5f4c5e-0000-4000-8000-000000000001";
  readonly deploys: Inner[] = [];
  readonly violations: string[] = [];
  readonly asked: string[] = [];
  /** Titles of all deploys that were ever made, also of those that are gone. */
  readonly titles: string[] = [];
  /** The next requests that match are answered so, one each. */
  readonly refusals: { readonly match: RegExp; readonly status: number; readonly headers?: Record<string, string> }[] =
    [];
  /** Does what it is asked, and cuts the connection before it answers: once for each. */
  readonly lostAnswers: RegExp[] = [];
  /** What a build of a commit makes; null builds nothing that works. */
  readonly builds = new Map<string, DeployFolder | null>();
  /** The newest commit of the production branch, which a build that is asked for takes. */
  head = "";
  publishedId: string | null = null;
  /** Files and functions that Netlify has already, by digest. */
  readonly blobs = new Map<string, Buffer>();
  edge: EdgeFunction | null = null;
  readonly #description = new Description();
  #api: Server | null = null;
  #front: Server | null = null;
  #made = 0;
  url = "";
  /** The site's own address. */
  siteUrl = "";

  static async start(): Promise<FakeNetlify> {
    const made = new FakeNetlify();
    made.#api = createServer((request, response) => void made.#take(request, response));
    made.url = `${await listenOn(made.#api)}/api/v1`;
    made.#front = createServer((request, response) => {
      const published = made.find(made.publishedId ?? "");
      void serveThrough(request, response, published?.server ?? null, published?.deploy.id ?? "", made.edge);
    });
    made.siteUrl = await listenOn(made.#front);
    return made;
  }

  async stop(): Promise<void> {
    for (const server of [this.#api, this.#front, ...this.deploys.map((d) => d.server)]) {
      server?.closeAllConnections();
      server?.close();
    }
  }

  /** The function that the CLI writes, in the site's every deploy, as Netlify runs it; answers what the next one starts anew. */
  async installEdge(variable: string): Promise<void> {
    const globals = globalThis as { Netlify?: unknown };
    globals.Netlify = { env: { get: (name: string) => (name === "LATCHKEY_EDGE" ? variable : undefined) } };
    // Another query is another instance: it has counted nothing and knows no table.
    this.#made += 1;
    const file = `${EDGE_FILE}?instance=${this.#made}`;
    this.edge = ((await import(/* @vite-ignore */ file)) as { default: EdgeFunction }).default;
  }

  find(id: string): Inner | undefined {
    return this.deploys.find(({ deploy }) => deploy.id === id);
  }

  get published(): FakeDeploy | null {
    return this.find(this.publishedId ?? "")?.deploy ?? null;
  }

  /** Somebody pushed: Netlify builds it, and publishes it when it is ready, unless that is locked. */
  push(commit: string, also: Partial<FakeDeploy> = {}): FakeDeploy {
    if ((also.context ?? "production") === "production") this.head = commit;
    return this.#build(commit, { title: "a push", ...also });
  }

  #build(commit: string, also: Partial<FakeDeploy>): FakeDeploy {
    const folder = this.builds.get(commit) ?? null;
    const ahead = ["enqueued", "building", "processing", folder ? "ready" : "error"];
    return this.#add({ commit_ref: commit, branch: "main", ...also }, { ahead, folder, wishes: null }).deploy;
  }

  #add(fields: Partial<FakeDeploy>, inner: Pick<Inner, "ahead" | "folder" | "wishes">): Inner {
    this.#made += 1;
    const id = createHash("sha256").update(`deploy ${this.#made}`).digest("hex").slice(0, 24);
    const deploy: FakeDeploy = {
      ...{ id, site_id: this.siteId, state: "new", title: null, branch: null, commit_ref: null, context: "production" },
      ...{ draft: false, locked: false, required: [], required_functions: [] },
      ...{ created_at: new Date().toISOString(), name: "shop", admin_url: "https://app.netlify.example/projects/shop" },
      ...fields,
    };
    this.titles.push(deploy.title ?? "");
    const made = { deploy, uploaded: new Map<string, Buffer>(), server: null, ...inner };
    this.deploys.unshift(made);
    return made;
  }

  async #moveOn(): Promise<void> {
    for (const inner of this.deploys) {
      const next = inner.ahead.shift();
      if (next === undefined) continue;
      inner.deploy.state = next;
      if (next === "error") inner.deploy.error_message = "Build script returned non-zero exit code: 2";
      if (next !== "ready") continue;
      inner.folder ??= folderOfUpload(inner.wishes, this.blobs);
      const { id } = inner.deploy;
      const behind = await deployServer(inner.folder);
      inner.server = behind;
      const front = createServer((request, response) => void serveThrough(request, response, behind, id, this.edge));
      inner.deploy.deploy_ssl_url = await listenOn(front);
      const isOpen = this.published === null || !this.published.locked;
      if (!inner.deploy.draft && inner.deploy.context === "production" && isOpen) this.#publish(inner.deploy);
    }
  }

  #publish(deploy: FakeDeploy): void {
    this.publishedId = deploy.id;
    deploy.published_at = new Date().toISOString();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://netlify");
    const line = `${request.method} ${url.pathname}`;
    this.asked.push(line);
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, {
        "content-type": "application/json",
        "x-ratelimit-limit": "500",
        "x-ratelimit-remaining": "499",
        ...headers,
      });
      response.end(body === undefined ? "" : JSON.stringify(body));
    };
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const raw = Buffer.concat(parts);
    const refusal = this.refusals.find(({ match }) => match.test(line));
    if (refusal) {
      this.refusals.splice(this.refusals.indexOf(refusal), 1);
      return send(refusal.status, { code: refusal.status, message: "refused by the test" }, refusal.headers);
    }
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return send(401, { code: 401, message: "Access Denied" });
    const found = this.#description.find(request.method ?? "", url.pathname);
    const type = request.headers["content-type"];
    const body =
      raw.length === 0 && type === undefined
        ? undefined
        : type === "application/json"
          ? JSON.parse(raw.toString("utf8"))
          : raw;
    const faults = found
      ? this.#description.faultsOf(found, url.searchParams, type, body)
      : ["there is no such operation"];
    if (!found || faults.length > 0) {
      this.violations.push(`${line}: ${faults.join("; ")}`);
      return send(422, { code: 422, message: faults.join("; ") });
    }
    const answer = await this.#answer(found.id, url, body);
    const wrong = this.#description.answerFaultsOf(found, answer.status, answer.body);
    if (wrong.length > 0) this.violations.push(`${line} was answered ${answer.status}: ${wrong.join("; ")}`);
    const lost = this.lostAnswers.findIndex((pattern) => pattern.test(line));
    if (lost >= 0) {
      this.lostAnswers.splice(lost, 1);
      response.destroy();
      return;
    }
    send(answer.status, answer.body);
  }

  async #answer(operation: string, url: URL, body: unknown): Promise<{ status: number; body?: unknown }> {
    const parts = url.pathname
      .replace(/^\/api\/v1\//, "")
      .split("/")
      .map(decodeURIComponent);
    const missing = { status: 404, body: { code: 404, message: "Not Found" } };
    if (parts[0] === "sites" && parts[1] !== this.siteId) return missing;
    const id = parts[0] === "sites" ? (parts[3] ?? "") : (parts[1] ?? "");
    const inner = this.find(id);
    switch (operation) {
      case "getSite":
        return {
          status: 200,
          body: {
            id: this.siteId,
            name: "shop",
            ssl_url: this.siteUrl,
            ...(this.published ? { published_deploy: viewed(this.published) } : {}),
          },
        };
      case "listSiteDeploys": {
        await this.#moveOn();
        const [page, size] = [
          Number(url.searchParams.get("page") ?? 1),
          Number(url.searchParams.get("per_page") ?? 100),
        ];
        return {
          status: 200,
          body: this.deploys.map(({ deploy }) => viewed(deploy)).slice((page - 1) * size, page * size),
        };
      }
      case "createSiteDeploy":
        return { status: 200, body: viewed(this.#create(url.searchParams.get("title"), body as Wish).deploy) };
      case "createSiteBuild": {
        const made = this.#build(this.head, {
          title: url.searchParams.get("title"),
          branch: url.searchParams.get("branch"),
        });
        return { status: 200, body: { id: `build-${made.id}`, deploy_id: made.id, sha: this.head, done: false } };
      }
      default:
    }
    if (!inner) return missing;
    const { deploy } = inner;
    switch (operation) {
      case "getDeploy":
        await this.#moveOn();
        return { status: 200, body: viewed(deploy) };
      case "uploadDeployFile":
        return this.#upload(
          inner,
          createHash("sha1")
            .update(body as Buffer)
            .digest("hex"),
          body as Buffer,
        );
      case "uploadDeployFunction":
        return this.#upload(
          inner,
          createHash("sha256")
            .update(body as Buffer)
            .digest("hex"),
          body as Buffer,
        );
      case "restoreSiteDeploy":
        if (deploy.state !== "ready") return { status: 422, body: { code: 422, message: "The deploy is not ready" } };
        this.#publish(deploy);
        return { status: 201, body: viewed(deploy) };
      case "lockDeploy":
      case "unlockDeploy":
        deploy.locked = operation === "lockDeploy";
        return { status: 200, body: viewed(deploy) };
      case "cancelSiteDeploy":
        inner.ahead.length = 0;
        deploy.state = "error";
        return { status: 201, body: viewed(deploy) };
      case "deleteDeploy":
        if (deploy.id === this.publishedId) return { status: 422, body: { code: 422, message: "It is published" } };
        this.deploys.splice(this.deploys.indexOf(inner), 1);
        inner.server?.close();
        return { status: 204 };
      default:
        throw new Error(`the fake has no ${operation}`);
    }
  }

  #create(title: string | null, wish: Wish): Inner {
    const wishes = { files: wish.files ?? {}, functions: wish.functions ?? {} };
    const lacks = (shas: readonly string[]) => [...new Set(shas)].filter((sha) => !this.blobs.has(sha));
    const made = this.#add(
      { title, draft: wish.draft === true, state: "uploading" },
      { ahead: [], folder: null, wishes },
    );
    made.deploy.required = lacks(Object.values(wishes.files));
    made.deploy.required_functions = lacks(Object.values(wishes.functions));
    this.#whenWhole(made);
    return made;
  }

  #upload(inner: Inner, sha: string, body: Buffer): { status: number; body?: unknown } {
    const { deploy } = inner;
    if (![...deploy.required, ...deploy.required_functions].includes(sha))
      return { status: 422, body: { code: 422, message: `The deploy does not need ${sha}` } };
    this.blobs.set(sha, body);
    deploy.required = deploy.required.filter((one) => one !== sha);
    deploy.required_functions = deploy.required_functions.filter((one) => one !== sha);
    this.#whenWhole(inner);
    return { status: 200, body: { id: sha, sha } };
  }

  #whenWhole({ deploy, ahead }: Inner): void {
    if (deploy.required.length === 0 && deploy.required_functions.length === 0)
      ahead.push("uploaded", "processing", "ready");
  }
}
interface Wish {
  readonly files?: Record<string, string>;
  readonly functions?: Record<string, string>;
  readonly draft?: boolean;
}

/** A title or a commit that is not there is null in Netlify's answers, which its description leaves out. */
const viewed = (deploy: FakeDeploy): Record<string, unknown> =>
  Object.fromEntries(Object.entries(deploy).filter(([, value]) => value !== null));
