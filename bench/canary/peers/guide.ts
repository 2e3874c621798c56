import type { Peer } from "./peer.ts";
import { trailing } from "./peer.ts";

/**
 * The rule of the guide that this product began with: wait five minutes, then roll back if more than 1 % of the canary's
 * requests failed in them. Written there as a count of errors a second; taken here for what it means, a ratio. Peeking: the same
 * question every look, over the five minutes before it, for as long as the rollout goes.
 */
const WAIT_MS = 300_000;
const MOST = 0.01;

const bad = (seen: { requests: number; errors: number }) => seen.errors > MOST * seen.requests;

export const guideOnce: Peer = {
  name: "guide's rule, once",
  start: () => {
    const window = trailing(WAIT_MS);
    return (look) => {
      const seen = window(look);
      return look.atMs < WAIT_MS ? null : bad(seen) ? "roll_back" : "promote";
    };
  },
};

export const guidePeeking: Peer = {
  name: "guide's rule, peeking",
  start: () => {
    const window = trailing(WAIT_MS);
    return (look) => (bad(window(look)) ? "roll_back" : null);
  },
};
