import { createHmac } from "node:crypto";
import type { GateCaller, GateQuestion, GateReply } from "@latchkey/core/delivery/gates/evidence-ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";

/** An answer is a status and a sentence. */
const ANSWER_BYTES_MAX = 64_000;

/**
 * The signature of a message, by https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
 * HMAC-SHA-256 over "id.timestamp.body".
 */
export const signatureOf = (key: Buffer, id: string, timestampS: number, body: string): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${timestampS}.${body}`).digest("base64")}`;

/** Asks by fetch. Redirects are not followed: who was named is asked, and nobody else. */
export function gateCaller(key: Buffer, nowMs: () => number): GateCaller {
  const stopping = new AbortController();
  return { ask: (question) => ask(question, key, nowMs(), stopping.signal), abort: () => stopping.abort() };
}

async function ask(
  { url, method, id, timeoutMs, body }: GateQuestion,
  key: Buffer,
  nowMs: number,
  stopping: AbortSignal,
): Promise<Result<GateReply, string>> {
  const text = JSON.stringify(body);
  const timestampS = Math.floor(nowMs / 1_000);
  const timeLimit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      ...{ method, body: text, redirect: "manual", signal: AbortSignal.any([stopping, timeLimit]) },
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(timestampS),
        "webhook-signature": signatureOf(key, id, timestampS, text),
      },
    });
    if (response.status === 202) {
      await response.body?.cancel();
      return ok({ kind: "later" });
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      return err(`It answered with status ${response.status}; 200 is an answer, and 202 says that it will call back.`);
    }
    return readAnswer(await textOf(response));
  } catch (error) {
    if (timeLimit.aborted) return err(`It did not answer within ${timeoutMs / 1_000} s.`);
    const { cause } = error as { cause?: { code?: string } };
    return err(`It could not be reached (${cause?.code ?? (error as Error).message}).`);
  }
}

/** null: more than the limit. */
async function textOf(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readAnswer(text: string | null): Result<GateReply, string> {
  if (text === null) return err(`It answered with more than ${ANSWER_BYTES_MAX / 1_000} kB.`);
  try {
    const { status, words } = JSON.parse(text) as { status?: unknown; words?: unknown };
    if (status !== "passed" && status !== "failed") return err('Its answer has no status "passed" or "failed".');
    return ok({ kind: "answer", status, words: typeof words === "string" ? words.slice(0, 500) : "" });
  } catch {
    return err("Its answer is no JSON.");
  }
}
