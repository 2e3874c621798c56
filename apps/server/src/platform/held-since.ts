/** For how long this server has had a lease under the same fence: what others did before says nothing of it. */
export class HeldSince {
  #held: { readonly fence: number; readonly sinceMs: number } | null = null;

  /** Milliseconds since it was first asked under this fence. Without a fence it begins anew the next time. */
  forMs(fence: number | null, nowMs: number): number {
    if (fence === null) this.#held = null;
    else if (this.#held?.fence !== fence) this.#held = { fence, sinceMs: nowMs };
    return this.#held === null ? 0 : nowMs - this.#held.sinceMs;
  }
}
