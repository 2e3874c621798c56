import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
import { BuiltServer } from "../built-server.ts";
import { Installation } from "../installation.ts";
import { Journey } from "../journey.ts";
import { FakeNetlify } from "./fake.ts";
import { folderOf } from "./serving.ts";

export const NETLIFY_SECRET = "the secret of Netlify's webhooks in the tests";
/** What `latchkey build-netlify` leaves, in its smallest form. */
const BUILD = `
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const out = process.env.LATCHKEY_ARTIFACT;
mkdirSync(out + "/public", { recursive: true });
mkdirSync(out + "/functions", { recursive: true });
writeFileSync(out + "/public/index.html", readFileSync("page.html"));
writeFileSync(out + "/public/healthz", "ok");
cpSync("ping.mjs", out + "/functions/ping.mjs");
writeFileSync(out + "/site.json", JSON.stringify({ context: "production", headers: [],
  redirects: [{ from: "/api/*", to: "/.netlify/functions/:splat", status: 200, force: false, query: {} }],
  functions: [{ name: "ping", file: "functions/ping.mjs", isBackground: false, hasConfig: false }] }));
`;
const PING = 'export const handler = async () => ({ statusCode: 200, body: "pong" });\n';
/** The release that Netlify serves fails where Latchkey's own copy of it does not matter. */
const FAILING = 'export const handler = async () => ({ statusCode: 500, body: "sorry" });\n';

interface Split {
  readonly mode: "git" | "upload";
  readonly split: "edge" | "gateway";
}
const configOf = (netlify: FakeNetlify, target: Split): Partial<ServiceConfigInput> => ({
  target: { kind: "netlify", siteId: netlify.siteId, ...target },
  smoke: [{ path: "/", contains: "shop" }],
  gates: [],
});
function filesIn(dir: string, netlify: FakeNetlify) {
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), `${text}\n`);
    return join(dir, name);
  };
  return { tokenFile: file("netlify.token", netlify.token), secretFile: file("netlify.secret", NETLIFY_SECRET) };
}

/** An installation whose service is a site of a played Netlify: what is shipped is committed, and pushed to Netlify as well. */
export class NetlifyJourney<S extends Installation | BuiltServer = Installation> {
  readonly netlify: FakeNetlify;
  readonly journey: Journey<S>;
  readonly #folder: string;
  /** Netlify builds what is pushed. */
  readonly #isBuilt: boolean;

  private constructor(netlify: FakeNetlify, journey: Journey<S>, target: Split) {
    this.#isBuilt = target.mode === "git";
    this.netlify = netlify;
    this.journey = journey;
    this.#folder = join(journey.workload.root, "app");
    writeFileSync(join(this.#folder, ".gitignore"), "builds.log\n");
    writeFileSync(join(this.#folder, "build.mjs"), BUILD);
    writeFileSync(join(this.#folder, "ping.mjs"), PING);
    this.#git("init", "-q", "-b", "main");
  }

  static async begin(target: Split): Promise<NetlifyJourney> {
    const netlify = await FakeNetlify.start();
    const installation = await Installation.start();
    await installation.stop();
    const { tokenFile, secretFile } = filesIn(installation.dir, netlify);
    await installation.start({
      netlifyApiUrl: netlify.url,
      netlifyTokenFile: tokenFile,
      netlifyWebhookSecretFile: secretFile,
    });
    return new NetlifyJourney(netlify, await Journey.beginIn(installation, configOf(netlify, target)), target);
  }

  /** The server as it ships, which can be killed. */
  static async beginBuilt(target: Split): Promise<NetlifyJourney<BuiltServer>> {
    const netlify = await FakeNetlify.start();
    const server = await BuiltServer.start();
    await server.stop();
    server.also = {
      LATCHKEY_NETLIFY_API_URL: netlify.url,
      LATCHKEY_NETLIFY_TOKEN_FILE: filesIn(server.dir, netlify).tokenFile,
    };
    await server.start();
    return new NetlifyJourney(netlify, await Journey.beginIn(server, configOf(netlify, target)), target);
  }

  #git(...args: string[]): string {
    const names = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    return execFileSync("git", [...names, ...args], { cwd: this.journey.workload.root })
      .toString()
      .trim();
  }

  /** Commits a page, has Netlify know what it builds to, and ships it; `push`: Netlify hears of the commit by itself. */
  async ship(
    page: string,
    o: { push?: boolean; fails?: boolean } = {},
  ): Promise<{ deploymentId: string; commit: string }> {
    writeFileSync(join(this.#folder, "page.html"), page);
    this.#git("add", "-A");
    this.#git("commit", "-q", "-m", page);
    const commit = this.#git("rev-parse", "HEAD");
    this.netlify.builds.set(commit, folderOf(page, { ping: o.fails ? FAILING : PING }));
    if (o.push ?? this.#isBuilt) this.netlify.push(commit);
    return { deploymentId: await this.journey.shipAgain(), commit };
  }

  async siteText(path = "/", headers: Record<string, string> = {}): Promise<string> {
    return (await fetch(`${this.netlify.siteUrl}${path}`, { headers })).text();
  }

  async end(): Promise<void> {
    await this.journey.end();
    await this.netlify.stop();
  }
}
