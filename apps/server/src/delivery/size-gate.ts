import type { Sizes } from "@latchkey/core/delivery/gates/evidence-ports";
import { couldNotRun } from "@latchkey/core/delivery/gates/judgement";
import { globToRegExp, judgeSize } from "@latchkey/core/delivery/gates/size";
import type { GateRunner } from "./gate-runner.ts";

/** Sizes of the release's own files: of what will be served, not of what a tool says about it. */
export const sizeGate = (sizes: Sizes): GateRunner => ({
  run: async (gate, { release }) => {
    const limits = gate.limits ?? [];
    const compressed = limits.filter(({ measure }) => measure === "gzip").map(({ files }) => globToRegExp(files));
    const files = release && (await sizes.sizesOf(release.digest, (path) => compressed.some((one) => one.test(path))));
    return files ? judgeSize(files, limits) : couldNotRun("The release's files are not here: nothing was measured.");
  },
});
