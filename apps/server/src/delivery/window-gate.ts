import type { GateConfig } from "@latchkey/api/gates";
import { AHEAD_DAYS, type FreezeTime, type OpenHours, windowAt } from "@latchkey/core/delivery/window";
import { zoneBetween } from "../platform/zones.ts";
import type { GateRunner } from "./gate-runner.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The windows of a gate, with what their zones' clocks do for the next `AHEAD_DAYS` days. */
export const hoursOf = (gate: Pick<GateConfig, "allow">, nowMs: number): OpenHours[] =>
  (gate.allow ?? []).map(({ days, from, to, timeZone }) => ({
    ...{ days, from, to },
    zone: zoneBetween(timeZone, nowMs - DAY_MS, nowMs + (AHEAD_DAYS + 1) * DAY_MS) ?? [],
  }));

/** Waits until a window is open and no freeze of the configuration holds it. Asked once all else has passed: it holds for the moment only. */
export const windowGate: GateRunner = {
  isOfTheMoment: true,
  run: async (gate, { nowMs }) => {
    const hours = hoursOf(gate, nowMs);
    const freezes: FreezeTime[] = (gate.freezes ?? []).map(({ from, to, reason }) => ({
      ...{ fromMs: Date.parse(from), toMs: Date.parse(to), reason },
    }));
    const standing = windowAt(hours, freezes, nowMs);
    if (standing.isOpen) return { status: "passed", words: standing.words, figures: [], details: [] };
    const { opensAtMs } = standing;
    const when = opensAtMs === null ? "not within two weeks" : new Date(opensAtMs).toISOString();
    return {
      status: "pending",
      words: `${standing.words} It opens ${opensAtMs === null ? when : `at ${when}`}.`,
      askAgainMs: Math.max(1_000, Math.min(MINUTE_MS, (opensAtMs ?? nowMs + MINUTE_MS) - nowMs)),
    };
  },
};
