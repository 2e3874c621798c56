import { type Answer, ApiError } from "@latchkey/api/client";
import type { streamEvents } from "@latchkey/api/stream";
import type { z } from "zod";
import type { Session } from "./session.ts";

/** The server-sent events of `GET /api/v1/stream` (see @latchkey/api/stream). */
type Streamed = { [K in keyof typeof streamEvents]: { event: K; data: z.output<(typeof streamEvents)[K]> } };
export type StreamEvent = Streamed[keyof Streamed];

export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

/** Takes text as it arrives and gives the messages that are complete, as the HTML standard reads an event stream. */
export class SseParser {
  #rest = "";
  #event = "";
  #id: string | null = null;
  #data: string[] = [];

  push(text: string): SseMessage[] {
    this.#rest += text;
    const messages: SseMessage[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?=[\s\S])/.exec(this.#rest);
      if (!end) break;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const message = this.#line(line);
      if (message) messages.push(message);
    }
    return messages;
  }

  #line(line: string): SseMessage | null {
    if (line === "") {
      const message =
        this.#data.length > 0 ? { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id } : null;
      this.#event = "";
      this.#id = null;
      this.#data = [];
      return message;
    }
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return null;
  }
}

/** The server says something every 15 s; a stream that is silent for three times as long is dead. */
const SILENCE_MAX_MS = 45_000;

/**
 * Opens the stream; resolves when the server has taken it. The events end when the server, the network or the signal
 * ends them: whoever follows goes on from `after`, the number of the last ledger entry that it saw.
 */
export async function openStream(
  session: Session,
  o: { readonly after?: number | null; readonly signal: AbortSignal },
): Promise<AsyncGenerator<StreamEvent>> {
  const silence = new AbortController();
  const path = `/api/v1/stream?project=${encodeURIComponent(session.project)}`;
  let response: Response;
  try {
    response = await session.open(path, {
      signal: AbortSignal.any([o.signal, silence.signal]),
      headers: {
        accept: "text/event-stream",
        ...(session.token ? { authorization: `Bearer ${session.token}` } : {}),
        ...(o.after === null || o.after === undefined ? {} : { "last-event-id": String(o.after) }),
      },
    });
  } catch (cause) {
    throw unreachable(session, cause);
  }
  if (!response.ok || !response.body) throw new ApiError((await response.json()) as Answer<never>);
  return read(response.body, silence);
}

function unreachable(session: Session, cause: unknown): ApiError {
  return new ApiError(
    {
      type: "about:blank",
      title: "The server can't be reached",
      status: 0,
      code: "LK_UNREACHABLE",
      detail: `No answer from ${session.baseUrl}.`,
      remedy: "Start it with `npm start`, or name its address with --url, LATCHKEY_URL or LATCHKEY_PORT.",
      requestId: "",
    },
    { cause },
  );
}

async function* read(body: ReadableStream<Uint8Array>, silence: AbortController): AsyncGenerator<StreamEvent> {
  const parser = new SseParser();
  const decoder = new TextDecoder();
  let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
      for (const { event, data } of parser.push(decoder.decode(chunk, { stream: true })))
        yield { event, data: JSON.parse(data) } as StreamEvent;
    }
  } catch {
    // A connection that breaks is an end like any other: whoever follows says so and goes on.
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
