import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
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

/** An installation whose service is a site of a played Netlify: what is shipped is committed, and pushed to Netlify as well. */
export class NetlifyJourney {
  readonly netlify: FakeNetlify;
  readonly journey: Journey;
  readonly config: Partial<ServiceConfigInput>;
  /** The server's own flags for Netlify. */
  readonly flags: { netlifyApiUrl: string; netlifyTokenFile: string; netlifyWebhookSecretFile: string };
  readonly #folder: string;

  private constructor(netlify: FakeNetlify, journey: Journey, o: Pick<NetlifyJourney, "flags" | "config">) {
    this.netlify = netlify;
    this.journey = journey;
    this.config = o.config;
    this.flags = o.flags;
    this.#folder = join(journey.workload.root, "app");
    writeFileSync(join(this.#folder, ".gitignore"), "builds.log\n");
    writeFileSync(join(this.#folder, "build.mjs"), BUILD);
    writeFileSync(join(this.#folder, "ping.mjs"), PING);
    this.#git("init", "-q", "-b", "main");
  }

  static async begin(target: { mode: "git" | "upload"; split: "edge" | "gateway" }): Promise<NetlifyJourney> {
    const netlify = await FakeNetlify.start();
    const installation = await Installation.start();
    await installation.stop();
    const file = (name: string, text: string) => {
      writeFileSync(join(installation.dir, name), `${text}\n`);
      return join(installation.dir, name);
    };
    const flags = {
      netlifyApiUrl: netlify.url,
      netlifyTokenFile: file("netlify.token", netlify.token),
      netlifyWebhookSecretFile: file("netlify.secret", NETLIFY_SECRET),
    };
    await installation.start(flags);
    const config: Partial<ServiceConfigInput> = {
      target: { kind: "netlify", siteId: netlify.siteId, ...target },
      smoke: [{ path: "/", contains: "shop" }],
      gates: [],
    };
    return new NetlifyJourney(netlify, await Journey.beginIn(installation, config), { flags, config });
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
    if (o.push !== false) this.netlify.push(commit);
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
