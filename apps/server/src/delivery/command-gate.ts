import { gateTimeoutMs } from "@latchkey/api/gates";
import type { Builder } from "@latchkey/core/delivery/ports";
import { type GateRunner, outOfTime } from "./gate-runner.ts";

/** A command in the service's folder: exit code 0 passes. */
export const commandGate = (builder: Pick<Builder, "gate">): GateRunner => ({
  run: async (gate, { folder }) => {
    const { outcome, exitCode, output } = await builder.gate({
      folder,
      command: gate.command ?? [],
      timeoutMs: gateTimeoutMs(gate),
    });
    if (outcome === "timed_out") return { ...outOfTime(gate), output };
    const words = {
      passed: "Its command ended with exit code 0.",
      failed: `Its command ended with exit code ${exitCode}.`,
      could_not_run: "Its command could not be started.",
    }[outcome];
    return { status: outcome, words, figures: [], details: [], output };
  },
});
