import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import type { Reach } from "./reach.ts";

/** An answer's beginning is enough to say why it was no. */
const ANSWER_BYTES_MAX = 16_384;
/** From the first packet to the last: whoever takes longer is tried again. */
const TIMEOUT_MS = 10_000;

export type Posted =
  | { readonly status: number; readonly body: string; readonly retryAfterMs: number | null }
  | { readonly status: null; readonly words: string; readonly permanent: boolean };

/**
 * One POST to an address that somebody gave: to where it may lead only, without following redirects, within a limit of time
 * and size. Never throws.
 */
export async function post(
  reach: Reach,
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Posted> {
  const url = new URL(address);
  const reached = await reach(url.hostname);
  if ("refused" in reached) return { status: null, words: reached.refused, permanent: !reached.isPassing };
  const { place } = reached;
  if (url.protocol !== "https:" && !place.isLoopback)
    return { status: null, words: `${url.host} is asked without TLS: use https.`, permanent: true };
  // The address that was checked is the one that is connected to.
  const lookup: LookupFunction = (_host, options, done) =>
    options.all ? done(null, [place]) : done(null, place.address, place.family);
  return new Promise<Posted>((resolve) => {
    const request = (url.protocol === "https:" ? https : http).request(
      url,
      {
        method: "POST",
        agent: false,
        lookup,
        headers: { "user-agent": "latchkey", ...headers, "content-length": String(Buffer.byteLength(body)) },
      },
      (response) => {
        let text = "";
        const answer = () =>
          resolve({
            status: response.statusCode ?? 0,
            body: text,
            retryAfterMs: retryAfterOf(response.headers["retry-after"]),
          });
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
          if (text.length > ANSWER_BYTES_MAX) {
            answer();
            response.destroy();
          }
        });
        response.on("end", () => (response.complete ? answer() : undefined));
        response.on("error", (error) => resolve(broken(url, error)));
        response.on("close", () => resolve(broken(url, new Error("it ended in the middle of its answer"))));
      },
    );
    const timer = setTimeout(
      () => request.destroy(new Error(`it did not answer within ${timeoutMs / 1_000} s`)),
      timeoutMs,
    );
    request.on("error", (error) => resolve(broken(url, error)));
    request.on("close", () => clearTimeout(timer));
    request.end(body);
  }).catch((error: unknown) => ({
    // What no header can hold, such as a token with a line break, is refused before anything is sent.
    ...{
      status: null,
      words: `${url.host} was not asked: ${(error as Error).message.slice(0, 200)}.`,
      permanent: true,
    },
  }));
}

const broken = (url: URL, error: Error): Posted => ({
  status: null,
  words: `${url.host} could not be reached: ${error.message.slice(0, 200)}.`,
  permanent: false,
});

/** Seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfterOf(header: string | undefined): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
