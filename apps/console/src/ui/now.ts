import { useSyncExternalStore } from "react";

/** One clock for all relative times and countdowns, so that they tick together and rest when nobody looks. */
let now = Date.now();
const watchers = new Set<() => void>();
let timer = 0;

const tick = (): void => {
  now = Date.now();
  for (const watch of watchers) watch();
};

function subscribe(watch: () => void): () => void {
  watchers.add(watch);
  if (watchers.size === 1) {
    tick();
    timer = window.setInterval(tick, 1_000);
  }
  return () => {
    watchers.delete(watch);
    if (watchers.size === 0) window.clearInterval(timer);
  };
}

export const useNow = (): number => useSyncExternalStore(subscribe, () => now);
