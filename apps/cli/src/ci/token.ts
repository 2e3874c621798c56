import { CliError } from "../problem.ts";
import { type GlobalOptions, openSession } from "../session.ts";
import type { Terminal } from "../terminal.ts";

const ANSWER_WITHIN_MS = 30_000;

export interface CiToken {
  readonly secret: string;
  /** It was given for this run, and is given anew when it expires. */
  readonly isOfThisRun: boolean;
}

/**
 * A token for a pipeline: GitHub's proof of who the run is, exchanged for one of Latchkey's that is good for minutes; else
 * LATCHKEY_TOKEN. The proof goes first: a repository that has both shall not depend on the secret. Null when there is neither.
 */
export async function ciToken(
  terminal: Terminal,
  o: GlobalOptions & { service: string; audience?: string },
): Promise<CiToken | null> {
  const {
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
    LATCHKEY_TOKEN: secret,
  } = terminal.env;
  if (!url || !bearer) return secret ? { secret, isOfThisRun: false } : null;
  const session = openSession(withToken(terminal, ""), o);
  const proof = await proofFor(url, bearer, o.audience ?? session.baseUrl);
  const made = await session.client.exchangeToken({
    body: { token: proof, service: o.service, project: session.project },
  });
  return { secret: made.token, isOfThisRun: true };
}

export const withToken = (terminal: Terminal, secret: string): Terminal => ({
  ...terminal,
  env: { ...terminal.env, LATCHKEY_TOKEN: secret },
});

async function proofFor(url: string, bearer: string, audience: string): Promise<string> {
  const address = new URL(url);
  address.searchParams.set("audience", audience);
  let why: string;
  try {
    const answer = await fetch(address, {
      headers: { authorization: `Bearer ${bearer}`, accept: "application/json" },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const value = answer.ok ? ((await answer.json()) as { value?: unknown }).value : undefined;
    if (typeof value === "string") return value;
    why = `it answered ${answer.status}`;
  } catch (cause) {
    why = cause instanceof Error ? cause.message : String(cause);
  }
  throw new CliError({
    code: "LK_CLI_OIDC",
    title: "No proof of who this run is",
    detail: `GitHub gave no token for this run: ${why}.`,
    remedy: "Give the job `permissions: id-token: write`, or set LATCHKEY_TOKEN from a secret.",
  });
}
