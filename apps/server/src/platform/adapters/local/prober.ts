import { type Health, type HealthShape, healthOf } from "@latchkey/core/delivery/health-shape";
import type { Journey, Prober } from "@latchkey/core/delivery/ports";
import { withDeadline } from "../../deadline.ts";

const TIMEOUT_MS = 10_000;

const get = (address: string, timeoutMs: number): Promise<{ status: number; body: string }> =>
  withDeadline(timeoutMs, async (signal) => {
    const answer = await fetch(address, { signal, redirect: "manual" });
    return { status: answer.status, body: await answer.text() };
  });
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : "no reason given");

/** Walks journeys over HTTP, and asks for health. */
export const httpProber: Prober = {
  walk: async (journey: Journey, upstream: string, timeoutMs = TIMEOUT_MS): Promise<string | null> => {
    try {
      const { status, body } = await get(upstream + journey.path, timeoutMs);
      if (status !== journey.status) return `${journey.path} answered ${status} instead of ${journey.status}.`;
      if (journey.contains !== undefined && !body.includes(journey.contains))
        return `${journey.path} answered without "${journey.contains}".`;
      return null;
    } catch (cause) {
      return `${journey.path} did not answer: ${reasonOf(cause)}.`;
    }
  },
  health: async (path, shape: HealthShape | undefined, upstream, timeoutMs = TIMEOUT_MS): Promise<Health> => {
    try {
      return healthOf(await get(upstream + path, timeoutMs), shape);
    } catch (cause) {
      return { state: "unhealthy", words: `did not answer: ${reasonOf(cause)}` };
    }
  },
};
