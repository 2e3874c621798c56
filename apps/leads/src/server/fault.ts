/** Faults for rehearsals: built into a release, so that its digest differs, and applied around the API's handlers. */
export type Fault =
  | { readonly kind: "none" }
  /** With a flag: only of visitors who have its variant `on`. */
  | { readonly kind: "errors"; readonly ratio: number; readonly flag?: string }
  | { readonly kind: "latency"; readonly factor: number }
  | { readonly kind: "crash_after"; readonly requests: number }
  | { readonly kind: "leak" }
  | { readonly kind: "slow_tail"; readonly ratio: number; readonly factor: number }
  | { readonly kind: "broken_page" };

/** Reads "errors=5%" and its like. Throws a sentence that lists what there is. */
export function parseFault(text: string): Fault {
  if (text === "none") return { kind: "none" };
  const errors = /^errors=(\d+(?:\.\d+)?)%(?:@([a-z0-9][a-z0-9._-]*))?$/.exec(text);
  if (errors && Number(errors[1]) <= 100)
    return { kind: "errors", ratio: Number(errors[1]) / 100, ...(errors[2] ? { flag: errors[2] } : {}) };
  const latency = /^latency=\+(\d+(?:\.\d+)?)%$/.exec(text);
  if (latency) return { kind: "latency", factor: 1 + Number(latency[1]) / 100 };
  const crash = /^crash-after=(\d+)$/.exec(text);
  if (crash && Number(crash[1]) > 0) return { kind: "crash_after", requests: Number(crash[1]) };
  if (text === "leak") return { kind: "leak" };
  const tail = /^slow-tail=(\d+(?:\.\d+)?)%x(\d+(?:\.\d+)?)$/.exec(text);
  if (tail && Number(tail[1]) <= 100)
    return { kind: "slow_tail", ratio: Number(tail[1]) / 100, factor: Number(tail[2]) };
  if (text === "broken-page") return { kind: "broken_page" };
  throw new Error(
    `"${text}" is not a fault. There are errors=5%, errors=5%@flag, latency=+50%, crash-after=200, leak, slow-tail=3%x10 and broken-page.`,
  );
}

/** Every API answer takes at least about this long in a rehearsal of slowness, so that a factor has something to multiply. */
const BASE_MS = 40;
const LEAK_BYTES = 20_480;

export interface FaultEffects {
  /** True when this request shall fail. Counts it; may end the process. `hasOn`: whether a flag is on for who asks. */
  before(hasOn?: (flag: string) => boolean): boolean;
  /** How much longer the answer shall take, in milliseconds. */
  delayMs(tookMs: number): number;
}

export function faultEffects(fault: Fault, random: () => number, crash: () => void): FaultEffects {
  const kept: Buffer[] = [];
  let seen = 0;
  return {
    before: (hasOn = () => false) => {
      seen += 1;
      if (fault.kind === "leak") kept.push(Buffer.alloc(LEAK_BYTES, 1));
      if (fault.kind === "crash_after" && seen >= fault.requests) crash();
      if (fault.kind !== "errors" || (fault.flag !== undefined && !hasOn(fault.flag))) return false;
      return random() < fault.ratio;
    },
    delayMs: (tookMs) => {
      const base = Math.max(tookMs, BASE_MS);
      if (fault.kind === "latency") return base * (fault.factor - 1);
      if (fault.kind === "slow_tail" && random() < fault.ratio) return base * fault.factor;
      return 0;
    },
  };
}
