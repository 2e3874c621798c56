import { createHash, randomBytes } from "node:crypto";
import { gateTimeoutMs } from "@latchkey/api/gates";
import type { GateCaller } from "@latchkey/core/delivery/gates/evidence-ports";
import { couldNotRun } from "@latchkey/core/delivery/gates/judgement";
import type { Transactions } from "../platform/database.ts";
import { findCallback, openCallback } from "./gate-callbacks.store.ts";
import type { GateConclusion, GateContext, GateRunner } from "./gate-runner.ts";

const ASK_AGAIN_MS = 10_000;
/** Who answers later says so within this time. */
const AT_ONCE_MS = 30_000;

export interface HttpGateParts {
  readonly database: Transactions;
  readonly caller: GateCaller;
  /** Where this server is called back. */
  readonly baseUrl: string;
}

export const hashOfToken = (token: string): string => createHash("sha256").update(token).digest("hex");
const conclusion = (status: "passed" | "failed", words: string): GateConclusion => ({
  ...{ status, figures: [], details: [] },
  words: words || (status === "passed" ? "The system that was asked says yes." : "The system that was asked says no."),
});

/**
 * Asks another system. It answers at once (200), or that it will call back (202) with a token that works once. After a crash
 * it is asked again under the same id, by which it recognises the question.
 */
export const httpGate = ({ database, caller, baseUrl }: HttpGateParts): GateRunner => ({
  run: async (gate, context) => {
    const { deployment, wasPending } = context;
    const open = await findCallback(database.db, deployment.id, gate.name);
    if (open?.status) return conclusion(open.status, open.words);
    const waits = { status: "pending", words: "It was asked, and will call back.", askAgainMs: ASK_AGAIN_MS } as const;
    if (open && wasPending) return waits;
    const token = `lkg_${randomBytes(24).toString("base64url")}`;
    if (gate.callback)
      await database.transaction((tx) =>
        openCallback(tx, { deploymentId: deployment.id, gate: gate.name, tokenHash: hashOfToken(token) }),
      );
    const path = `/api/v1/deployments/${deployment.id}/gates/${encodeURIComponent(gate.name)}/result`;
    const answer = await caller.ask({
      url: gate.url ?? "",
      method: gate.method ?? "POST",
      id: `gate_${createHash("sha256").update(`${deployment.id} ${gate.name}`).digest("hex").slice(0, 32)}`,
      timeoutMs: gate.callback ? AT_ONCE_MS : gateTimeoutMs(gate),
      body: {
        ...questionOf(gate.name, context),
        ...(gate.callback ? { callback: { url: baseUrl + path, token } } : {}),
      },
    });
    if (!answer.ok) return couldNotRun(answer.error);
    if (answer.value.kind === "later")
      return gate.callback
        ? waits
        : couldNotRun("It answered that it will call back (202), and this gate has no callback: true.");
    return conclusion(answer.value.status, answer.value.words);
  },
});

const questionOf = (gate: string, { deployment, release }: GateContext) => ({
  gate,
  deployment: { id: deployment.id, service: deployment.service, environment: deployment.environment },
  release: release && {
    ...{ id: release.id, number: release.number, digest: release.digest },
    ...{ commit: release.commit_sha, branch: release.branch, dirty: release.dirty },
  },
});
