import { execFileSync } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const WEBHOOK_SECRET = "the webhook's secret of the tests";
export const REPOSITORY = "acme/shop";

/** A bare repository where the server clones from, and a working tree that pushes to it. */
export class PushedRepository {
  readonly url: string;
  readonly #tree: string;
  #n = 0;

  constructor(dir: string, workload: string, name = REPOSITORY) {
    const hub = join(dir, "hub");
    const bare = join(hub, `${name}.git`);
    this.#tree = join(dir, "tree");
    this.url = `file://${hub}`;
    mkdirSync(bare, { recursive: true });
    mkdirSync(this.#tree, { recursive: true });
    execFileSync("git", ["init", "-q", "--bare", "-b", "main", bare]);
    cpSync(workload, join(this.#tree, "services", "app"), { recursive: true });
    this.git("init", "-q", "-b", "main");
    this.git("remote", "add", "origin", bare);
  }

  git(...args: string[]): string {
    return execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: this.#tree,
    })
      .toString()
      .trim();
  }

  /** Commits another version of the service, or of something beside it; answers the commit. */
  commit(message: string, file = "services/app/behaviour.json", behaviour: object = {}): string {
    this.#n += 1;
    const told = {
      build: "pass",
      gate: "pass",
      start: "ok",
      health: 200,
      page: "welcome to the shop",
      ignoresTerm: false,
    };
    writeFileSync(join(this.#tree, file), JSON.stringify({ ...told, version: `commit ${this.#n}`, ...behaviour }));
    this.git("add", "-A");
    this.git("commit", "-q", "-m", message);
    return this.git("rev-parse", "HEAD");
  }
  push(): string {
    this.git("push", "-q", "-f", "origin", "HEAD:main");
    return this.git("rev-parse", "HEAD");
  }
}

export interface Delivery {
  readonly id?: string;
  readonly event: string;
  readonly payload: unknown;
  readonly secret?: string;
}
/** Delivers as GitHub does. */
export function deliver(
  url: string,
  { id = randomUUID(), event, payload, secret = WEBHOOK_SECRET }: Delivery,
): Promise<Response> {
  const body = JSON.stringify(payload);
  return fetch(`${url}/hooks/github`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-github-delivery": id,
      "x-github-event": event,
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
    body,
  });
}

/** Tells of a pull request to main as it stood at a minute of an hour. */
export const tellOfPull = (
  url: string,
  pull: { number: number; commit: string; branch: string; state: string; minute: number; fork?: boolean },
): Promise<Response> =>
  deliver(url, {
    event: "pull_request",
    payload: {
      repository: { id: 7, full_name: REPOSITORY },
      pull_request: {
        ...{ number: pull.number, title: `Pull ${pull.number}`, state: pull.state, user: { login: "grace" } },
        head: { sha: pull.commit, ref: pull.branch, repo: { id: pull.fork ? 8 : 7 } },
        base: { ref: "main", repo: { id: 7 } },
        created_at: "2026-01-01T10:00:00Z",
        updated_at: new Date(Date.UTC(2026, 0, 1, 11, pull.minute)).toISOString(),
      },
    },
  });

export const pushed = (after: string, before = "0".repeat(40)) => ({
  ref: "refs/heads/main",
  before,
  after,
  repository: { id: 7, full_name: REPOSITORY, pushed_at: Math.ceil(Date.now() / 1000) },
  head_commit: { timestamp: new Date().toISOString() },
});

/** The connection of the tests' service. */
export const connection = (more: object = {}) => ({ repository: REPOSITORY, path: "services", ...more });
