import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Commit, Repositories } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { baseEnvironment, runCommand } from "../local/command.ts";

/** A fetch of a large repository over a slow line; whoever waits longer has another problem. */
const FETCH_TIMEOUT_MS = 300_000;
const TIMEOUT_MS = 60_000;
const OUTPUT_MAX = 1_000_000;
const FIELD = "\u001f";
const SHA = /^[0-9a-f]{40}$/;

const REFS = "refs/latchkey/";
/** A branch may be called like the folder of another one, which git has no place for: here none has a folder. */
const refOf = (branch: string): string => `${REFS}${branch.replaceAll("/", "%2F")}`;

export interface ClonesOptions {
  /** Where the clones and the checkouts are kept. */
  readonly dir: string;
  /** Where repositories are, e.g. https://github.com: with /owner/name.git behind it. */
  readonly url: string;
  /** For private repositories; read at each fetch, as platforms renew tokens. */
  readonly token: (repository: string) => Promise<string | null>;
}

/**
 * Clones of repositories, without a working tree; a commit that is built is checked out into a folder of its own. The token
 * goes to git in its environment: arguments are seen by every process of the machine, and the clone's configuration is a file.
 */
export class Clones implements Repositories {
  readonly #o: ClonesOptions;
  /** One git at a time writes to a clone. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #stopping = new AbortController();

  constructor(options: ClonesOptions) {
    this.#o = options;
  }

  #cloneOf(repository: string): string {
    return join(this.#o.dir, "clones", `${repository.toLowerCase().replace("/", "__")}.git`);
  }
  checkoutOf(id: string): string {
    return join(this.#o.dir, "checkouts", id);
  }

  async #git(
    cwd: string,
    args: readonly string[],
    o: { timeoutMs?: number; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Result<string, string>> {
    const result = await runCommand(["git", ...args], {
      cwd,
      env: { ...baseEnvironment(), GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C", ...o.env },
      timeoutMs: o.timeoutMs ?? TIMEOUT_MS,
      outputMax: OUTPUT_MAX,
      signal: this.#stopping.signal,
    });
    if (result.outcome === "passed") return ok(result.output.trim());
    if (result.outcome === "timed_out") return err(`git ${args[0]} did not end in time`);
    return err(result.output.trim().split("\n").slice(-3).join(" ").slice(0, 500) || `git ${args[0]} failed`);
  }

  async fetch(repository: string, branch: string): Promise<Result<string, string>> {
    return this.#inTurn(repository, async () => {
      const clone = this.#cloneOf(repository);
      await mkdir(clone, { recursive: true, mode: 0o700 });
      const made = await this.#git(clone, ["init", "--bare", "--quiet", "."]);
      if (!made.ok) return made;
      const ref = refOf(branch);
      const address = `${this.#o.url.replace(/\/$/, "")}/${repository}.git`;
      const args = ["fetch", "--quiet", "--no-tags", "--no-auto-gc", address, `+refs/heads/${branch}:${ref}`];
      const fetched = await this.#git(clone, args, {
        timeoutMs: FETCH_TIMEOUT_MS,
        env: await this.#credentials(repository),
      });
      if (!fetched.ok) return err(`${branch} of ${repository} could not be fetched: ${fetched.error}`);
      return this.#git(clone, ["rev-parse", "--verify", ref]);
    });
  }

  async #credentials(repository: string): Promise<Record<string, string>> {
    const token = this.#o.url.startsWith("http") ? await this.#o.token(repository) : null;
    if (token === null) return {};
    const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
    return {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    };
  }

  async commits(
    repository: string,
    range: { readonly after: string | null; readonly upTo: string; readonly limit: number },
    folders: readonly string[],
  ): Promise<readonly Commit[]> {
    const revisions = range.after === null ? [range.upTo] : [`${range.after}..${range.upTo}`];
    const paths = folders.map((folder) => (folder === "" ? ":/" : `:/${folder}`));
    // A merge is compared with what the branch was before: what it brought is what it changed.
    const args = [
      "log",
      "--first-parent",
      "--full-history",
      `-${range.limit}`,
      `--format=%H${FIELD}%s${FIELD}%an${FIELD}%cI`,
    ];
    const log = await this.#git(this.#cloneOf(repository), [...args, "--no-patch", ...revisions, "--", ...paths]);
    if (!log.ok || log.value === "") return [];
    return log.value.split("\n").map((line) => {
      const [commit = "", message = "", author = "", at = ""] = line.split(FIELD);
      return { commit, message, author, at };
    });
  }

  async commitOf(repository: string, beginning: string): Promise<string | null> {
    const found = await this.#git(this.#cloneOf(repository), [
      ...["rev-parse", "--verify", "--quiet", "--end-of-options", `${beginning}^{commit}`],
    ]);
    return found.ok && SHA.test(found.value) ? found.value : null;
  }

  async contains(repository: string, newer: string, older: string): Promise<boolean> {
    return (await this.#git(this.#cloneOf(repository), ["merge-base", "--is-ancestor", older, newer])).ok;
  }

  async checkout(repository: string, commit: string, id: string): Promise<Result<string, string>> {
    if (!SHA.test(commit)) return err(`${commit} is no commit`);
    return this.#inTurn(repository, async () => {
      const folder = this.checkoutOf(id);
      const there = await this.#git(folder, ["rev-parse", "HEAD"]).catch(() => err("not there"));
      if (there.ok && there.value === commit) return ok(folder);
      await rm(folder, { recursive: true, force: true });
      await mkdir(join(this.#o.dir, "checkouts"), { recursive: true, mode: 0o700 });
      const clone = this.#cloneOf(repository);
      await this.#git(clone, ["worktree", "prune"]);
      const added = await this.#git(clone, ["worktree", "add", "--quiet", "--force", "--detach", folder, commit]);
      return added.ok ? ok(folder) : err(`Commit ${commit.slice(0, 8)} could not be checked out: ${added.error}`);
    });
  }

  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    const all = await readdir(join(this.#o.dir, "checkouts")).catch(() => []);
    for (const id of all) if (!ids.has(id)) await rm(this.checkoutOf(id), { recursive: true, force: true });
  }

  async tidy(kept: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    for (const [repository, branches] of kept) {
      const clone = this.#cloneOf(repository);
      await this.#inTurn(repository, async () => {
        const listed = await this.#git(clone, ["for-each-ref", "--format=%(refname)", REFS]).catch(() =>
          err("not there"),
        );
        if (!listed.ok) return;
        const wanted = new Set([...branches].map(refOf));
        for (const ref of listed.value.split("\n"))
          if (ref !== "" && !wanted.has(ref)) await this.#git(clone, ["update-ref", "-d", ref]);
        await this.#git(clone, ["worktree", "prune"]);
        // Only where there is much to collect, and never what came in the last two weeks: somebody may be about to build it.
        await this.#git(clone, ["gc", "--auto", "--quiet"], { timeoutMs: FETCH_TIMEOUT_MS });
      });
    }
  }

  /** Ends what git does now. */
  abort(): void {
    this.#stopping.abort();
  }

  async #inTurn<T>(repository: string, work: () => Promise<T>): Promise<T> {
    // However it is written, it is one clone.
    const clone = this.#cloneOf(repository);
    const before = this.#turns.get(clone) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(
      clone,
      mine.catch(() => {}),
    );
    return mine;
  }
}
