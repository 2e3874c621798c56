/** The fence of the routing: grows with every change; a restore from a backup raises the epoch. */
export interface Generation {
  readonly epoch: number;
  readonly n: number;
}

/** Negative, zero or positive as a is older than, the same as, or newer than b. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.epoch - b.epoch || a.n - b.n;
}

/** As a key: "epoch.n". */
export const generationKey = (g: Generation): string => `${g.epoch}.${g.n}`;

/** The key read back. */
export function parseGenerationKey(key: string): Generation {
  const [epoch = "0", n = "0"] = key.split(".");
  return { epoch: Number(epoch), n: Number(n) };
}
