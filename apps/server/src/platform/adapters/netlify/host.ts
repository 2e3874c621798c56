import type { HostCall, Running, RunSpec, StartFailure } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Deploy, NetlifyClient, NetlifyRefusal } from "./client.ts";
import { uploadOf } from "./upload.ts";

/** How often a deploy that is under way is looked at: Netlify allows 500 requests a minute. */
const LOOK_MS = 3_000;
/** Netlify begins a build at a push. So long after, it is asked for one. */
const APPEARS_MS = 30_000;
/** States in which nothing of a deploy will come any more, and those in which it can be asked. */
const ENDED: readonly string[] = ["error", "rejected"];
const READY = "ready";

/** The fields of a target of kind `netlify` that this needs (packages/api/src/targets.ts). */
export interface NetlifyPlace {
  readonly siteId: string;
  readonly mode: "git" | "upload";
  readonly branch: string;
  readonly buildTimeoutMs: number;
}
export interface NetlifyHostOptions {
  readonly client: NetlifyClient;
  readonly lookMs?: number;
  readonly appearsMs?: number;
  readonly wait: (ms: number) => Promise<void>;
  readonly now: () => number;
}

/** By which a deploy of ours is found again: after a crash no second one is made. */
const titleOf = (spec: Pick<RunSpec, "releaseName" | "releaseId" | "environment">): string =>
  `latchkey ${spec.releaseName} ${spec.environment} ${spec.releaseId}`;

/** Runs releases as deploys of a Netlify site, each at its own permalink. What the site shows is the router's to decide. */
export class NetlifyHost {
  readonly #o: NetlifyHostOptions;

  constructor(options: NetlifyHostOptions) {
    this.#o = options;
  }

  /** Finds or makes the release's deploy and waits until it is ready. */
  async prepare(spec: RunSpec, call: HostCall): Promise<Result<Running, StartFailure>> {
    const place = placeIn(spec);
    const deploy =
      place.mode === "git" ? await this.#built(spec, place, call) : await this.#uploaded(spec, place, call);
    if (!deploy.ok) return deploy;
    const address = this.#addressOf(deploy.value);
    if (address === null)
      return failed(`Netlify named no https address of the deploy ${deploy.value.id}.`, deploy.value);
    return ok({ upstreams: [address], remark: null });
  }

  /**
   * Ends a release. A deploy that was published once is part of the site's history, costs nothing, and is what people go back
   * to: it stays. So does what Netlify has built of a commit. An upload that nobody ever saw is deleted.
   */
  async retire(spec: RunSpec): Promise<Result<null, StartFailure>> {
    const { client } = this.#o;
    const place = placeIn(spec);
    const listed = await client.deploys(place.siteId);
    if (!listed.ok) return listed.error.status === 404 ? ok(null) : refused(listed.error);
    const site = await client.site(place.siteId);
    if (!site.ok) return refused(site.error);
    for (const deploy of listed.value.filter((found) => found.title === titleOf(spec))) {
      if (deploy.id === site.value.published_deploy?.id || deploy.published_at) continue;
      if (place.mode === "git") {
        if (deploy.state === READY || ENDED.includes(deploy.state)) continue;
        const cancelled = await client.cancel(deploy.id);
        if (!cancelled.ok && cancelled.error.status !== 404) return refused(cancelled.error);
        continue;
      }
      const deleted = await client.delete(deploy.id);
      if (!deleted.ok && deleted.error.status !== 404) return refused(deleted.error);
    }
    return ok(null);
  }

  #addressOf(deploy: Deploy): string | null {
    const url = deploy.deploy_ssl_url ?? "";
    if (!/^https:\/\//.test(url) && !this.#o.client.isLoopback) return null;
    return /^https?:\/\/[^/?#@]+\/?$/.test(url) ? url.replace(/\/$/, "") : null;
  }

  /** Netlify builds; this waits for the deploy of the very commit, in the context that its visitors get. */
  async #built(spec: RunSpec, place: NetlifyPlace, call: HostCall): Promise<Result<Deploy, StartFailure>> {
    const { client, now } = this.#o;
    const { commit } = spec;
    if (!commit)
      return failed(
        "Netlify builds commits, and this release holds what is in no commit. Commit and push it, or set mode: upload.",
      );
    const began = now();
    let isAskedFor = false;
    let said = "";
    for (;;) {
      const listed = await client.deploys(place.siteId);
      if (!listed.ok) return refused(listed.error);
      const own = listed.value.filter((deploy) => deploy.commit_ref === commit && deploy.branch === place.branch);
      const ready = own.find((deploy) => deploy.state === READY);
      if (ready) return ok(ready);
      const underWay = own.find((deploy) => !ENDED.includes(deploy.state));
      const [ended] = own;
      if (!underWay && ended) return failed(`Netlify's build of commit ${commit.slice(0, 8)} failed.`, ended);
      const asked = listed.value.find((deploy) => deploy.title === titleOf(spec));
      if (asked?.commit_ref && asked.commit_ref !== commit) {
        const words = `Netlify builds the newest commit of ${place.branch}, ${asked.commit_ref.slice(0, 8)}, and no more ${commit.slice(0, 8)}.`;
        return failed(words, asked);
      }
      if (!underWay && !asked && !isAskedFor && now() - began >= (this.#o.appearsMs ?? APPEARS_MS)) {
        const begun = await client.build(place.siteId, place.branch, titleOf(spec));
        if (!begun.ok) return refused(begun.error);
        isAskedFor = true;
      }
      const words = underWay
        ? `Netlify's deploy ${underWay.id} is ${underWay.state}.`
        : `Waiting for Netlify to build commit ${commit.slice(0, 8)}.`;
      if (words !== said) call.say(words);
      said = words;
      if (now() - began > place.buildTimeoutMs)
        return failed(
          `Netlify had no deploy of commit ${commit.slice(0, 8)} on ${place.branch} ready within ${minutes(place)}.`,
          underWay,
        );
      if (!(await this.#again(call))) return stopped();
    }
  }

  /** Uploads what Netlify does not have yet, as a draft. */
  async #uploaded(spec: RunSpec, place: NetlifyPlace, call: HostCall): Promise<Result<Deploy, StartFailure>> {
    const { client, now } = this.#o;
    const upload = uploadOf(spec.artifactDir);
    if (!upload.ok) return failed(upload.error);
    const { files, functions, bytesOf, archives } = upload.value;
    const listed = await client.deploys(place.siteId);
    if (!listed.ok) return refused(listed.error);
    const title = titleOf(spec);
    const known = listed.value.find((deploy) => deploy.title === title && !ENDED.includes(deploy.state));
    if (known?.state === READY) return ok(known);
    const made = known ? await client.deploy(known.id) : await client.create(place.siteId, title, { files, functions });
    if (!made.ok) return refused(made.error);
    const { id } = made.value;
    const wanted = new Set([...(made.value.required ?? []), ...(made.value.required_functions ?? [])]);
    const missing = Object.entries(files).filter(([, sha]) => wanted.has(sha));
    const seen = new Set<string>();
    for (const [path, sha] of missing) {
      if (call.signal.aborted) return stopped();
      // Equal files are sent once: Netlify goes by the digest.
      if (seen.has(sha)) continue;
      seen.add(sha);
      call.say(`Uploading ${path} (${seen.size} of ${new Set(missing.map(([, digest]) => digest)).size}).`);
      const put = await client.putFile(id, path.slice(1), bytesOf(path));
      if (!put.ok) return refused(put.error);
    }
    for (const [name, sha] of Object.entries(functions)) {
      if (!wanted.has(sha)) continue;
      const put = await client.putFunction(id, name, archives[name] ?? new Uint8Array());
      if (!put.ok) return refused(put.error);
    }
    for (const began = now(); ; ) {
      const deploy = await client.deploy(id);
      if (!deploy.ok) return refused(deploy.error);
      if (deploy.value.state === READY) return deploy;
      if (ENDED.includes(deploy.value.state)) return failed("Netlify could not take the upload.", deploy.value);
      if (now() - began > place.buildTimeoutMs)
        return failed(`The upload was not ready within ${minutes(place)}.`, deploy.value);
      if (!(await this.#again(call))) return stopped();
    }
  }

  async #again(call: HostCall): Promise<boolean> {
    if (!call.signal.aborted) await this.#o.wait(this.#o.lookMs ?? LOOK_MS);
    return !call.signal.aborted;
  }
}

const minutes = ({ buildTimeoutMs }: NetlifyPlace): string => `${Math.round(buildTimeoutMs / 6_000) / 10} min`;
const placeIn = (spec: RunSpec): NetlifyPlace => spec.target as RunSpec["target"] & NetlifyPlace;
const stopped = () => err({ words: "It was called off.", logTail: "" });
const refused = (refusal: NetlifyRefusal) => err({ words: refusal.words, logTail: "" });

/** Netlify's API has no log of a build: what it says of the failure, and where the log is. */
function failed(words: string, deploy?: Deploy): Result<never, StartFailure> {
  const where = deploy?.admin_url ? ` Its log: ${deploy.admin_url}/deploys/${deploy.id}` : "";
  return err({ words: `${words}${where}`, logTail: deploy?.error_message ?? "" });
}
