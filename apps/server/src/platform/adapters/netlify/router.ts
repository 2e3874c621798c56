import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import type { RouteFailure, RoutePlan, Router, RouteServed } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Deploy, NetlifyClient, Site } from "./client.ts";

/** Without news: what was published or unlocked by hand is set right so late. 4 requests a minute for each, of the 500 allowed. */
const LOOK_EVERY_MS = 15_000;

export interface SeenDeploy {
  readonly id: string;
  readonly state: string;
  readonly address: string | null;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly context: string | null;
  readonly pullRequest: number | null;
  readonly isPublished: boolean;
  readonly isLocked: boolean;
  readonly createdAt: string | null;
}
export interface NetlifyRouterOptions {
  readonly client: NetlifyClient;
  readonly siteId: string;
  readonly now: () => number;
  readonly lookEveryMs?: number;
  /** The newest generation that was asked for, also of a server before this one. */
  readonly asked: () => Promise<Generation | null>;
  /** Written before publishing is locked: how it was. */
  readonly remember: (wasLocked: boolean) => Promise<void>;
  /** The site's deploys, each time they were looked at. */
  readonly saw: (deploys: readonly SeenDeploy[]) => Promise<void>;
}

/**
 * Keeps a site showing what is desired: the only release that is served, or the old one while a new one has a share. Nothing
 * goes live without it: publishing by Netlify itself is locked.
 */
export class NetlifyRouter implements Router {
  readonly #o: NetlifyRouterOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #served: string | null = null;

  constructor(options: NetlifyRouterOptions) {
    this.#o = options;
  }

  /** Netlify has told of something: the next round looks. */
  hurry(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  async route(plan: RoutePlan): Promise<Result<RouteServed, RouteFailure>> {
    const asked = await this.#o.asked();
    if (asked && compareGenerations(plan.generation, asked) < 0) {
      const words = `Generation ${asked.epoch}.${asked.n} was asked for, which is newer than ${plan.generation.epoch}.${plan.generation.n}.`;
      return err({ kind: "older", words });
    }
    const address = shownBy(plan)?.upstreams[0] ?? "";
    const key = `${plan.generation.epoch}.${plan.generation.n} ${address}`;
    const isDue = this.#o.now() - this.#lookedAt >= (this.#o.lookEveryMs ?? LOOK_EVERY_MS);
    if (key === this.#served && !isDue) return ok({ notes: [] });
    this.#served = null;
    const done = await this.#make(address);
    if (!done.ok) return err({ kind: "failed", words: done.error });
    this.#served = key;
    this.#lookedAt = this.#o.now();
    return ok({ notes: [] });
  }

  async #make(address: string): Promise<Result<null, string>> {
    const { client, siteId } = this.#o;
    const site = await client.site(siteId);
    if (!site.ok) return err(site.error.words);
    const listed = await client.deploys(siteId);
    if (!listed.ok) return err(listed.error.words);
    let published = site.value.published_deploy ?? null;
    if (address !== "") {
      const wanted =
        listed.value.find((deploy) => sameAddress(deploy.deploy_ssl_url, address))?.id ?? deployIdIn(address);
      if (wanted === null) return err(`Netlify knows no deploy at ${address}: publish another one, or deploy again.`);
      if (published?.id !== wanted) {
        const shown = await client.publish(siteId, wanted);
        if (!shown.ok) return err(shown.error.words);
        const now = await client.site(siteId);
        if (!now.ok) return err(now.error.words);
        published = now.value.published_deploy ?? null;
        if (published?.id !== wanted)
          return err(`Netlify was asked to publish ${wanted}, and shows ${published?.id ?? "nothing"}.`);
      }
    }
    const locked = await this.#lock(site.value, published);
    if (!locked.ok) return locked;
    await this.#o.saw(seen(listed.value, locked.value));
    return ok(null);
  }

  async #lock(before: Site, published: Deploy | null): Promise<Result<Deploy | null, string>> {
    // A site that shows nothing yet has nothing that could be locked.
    if (published === null) return ok(null);
    // How it was is kept from the first time; whoever remembers asks for no more.
    await this.#o.remember(before.published_deploy?.locked === true);
    if (published.locked) return ok(published);
    const locked = await this.#o.client.setLocked(published.id, true);
    if (!locked.ok) return err(`Publishing by Netlify itself could not be stopped: ${locked.error.words}`);
    return ok({ ...published, locked: true });
  }
}

/** What the site's own address shows: the release that visitors get without a split, never one on trial. */
export const shownBy = (plan: Pick<RoutePlan, "arms">): RoutePlan["arms"][number] | undefined =>
  plan.arms.find((arm) => arm.arm !== "canary" && arm.weightPercent > 0) ??
  plan.arms.find((arm) => arm.weightPercent > 0);

const sameAddress = (url: string | null | undefined, address: string): boolean =>
  (url ?? "").replace(/\/$/, "") === address;

/** A permalink begins with the deploy's id. */
const deployIdIn = (address: string): string | null => /^https:\/\/([0-9a-f]{24})--/.exec(address)?.[1] ?? null;

const seen = (deploys: readonly Deploy[], published: Deploy | null): SeenDeploy[] =>
  deploys.slice(0, 20).map((deploy) => ({
    id: deploy.id,
    state: deploy.state,
    // People click on it.
    address: /^https?:\/\//.test(deploy.deploy_ssl_url ?? "") ? (deploy.deploy_ssl_url ?? null) : null,
    branch: deploy.branch ?? null,
    commit: deploy.commit_ref ?? null,
    context: deploy.context ?? null,
    pullRequest: deploy.review_id ?? null,
    isPublished: deploy.id === published?.id,
    isLocked: deploy.id === published?.id && published.locked === true,
    createdAt: deploy.created_at ?? null,
  }));
