import type { Journey, Prober } from "@latchkey/core/delivery/ports";
import { withDeadline } from "../../deadline.ts";

const TIMEOUT_MS = 10_000;

/** Walks journeys over HTTP. */
export const httpProber: Prober = {
  walk: async (journey: Journey, upstream: string, timeoutMs = TIMEOUT_MS): Promise<string | null> => {
    try {
      const { answer, body } = await withDeadline(timeoutMs, async (signal) => {
        const answer = await fetch(upstream + journey.path, { signal, redirect: "manual" });
        return { answer, body: await answer.text() };
      });
      if (answer.status !== journey.status)
        return `${journey.path} answered ${answer.status} instead of ${journey.status}.`;
      if (journey.contains !== undefined && !body.includes(journey.contains))
        return `${journey.path} answered without "${journey.contains}".`;
      return null;
    } catch (cause) {
      return `${journey.path} did not answer: ${cause instanceof Error ? cause.message : "no reason given"}.`;
    }
  },
};
