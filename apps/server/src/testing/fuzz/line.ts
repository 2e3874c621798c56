import { connect, type Socket } from "node:net";

/** What came back for a request, as far as it came. */
export interface Answer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}
const NOTHING: Answer = { status: 0, headers: {}, text: "" };

/** Far longer than any answer takes, busy as the machine may be: what lasts longer hangs, and fails the run. */
const HANGS_MS = 60_000;

/**
 * One kept connection that sends bytes as they are, which no HTTP client does. Opened again when the server closed it.
 */
export class Line {
  readonly #port: number;
  readonly #from: string;
  #socket: Socket | null = null;

  /** `from`: the loopback address to ask from. */
  constructor(port: number, from = "127.0.0.1") {
    this.#port = port;
    this.#from = from;
  }

  async ask(bytes: Buffer): Promise<Answer> {
    const kept = this.#socket;
    const answer = await this.#ask(kept ?? (await this.#open()), bytes);
    // A kept connection may be closed by the server just as it is used again.
    if (answer.status === 0 && kept !== null) return this.#ask(await this.#open(), bytes);
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #open(): Promise<Socket> {
    const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress: this.#from });
    await new Promise<void>((done, fail) => socket.once("connect", () => done()).once("error", fail));
    socket.setNoDelay(true).on("error", () => {});
    this.#socket = socket;
    return socket;
  }

  #ask(socket: Socket, bytes: Buffer): Promise<Answer> {
    return new Promise((done, fail) => {
      const parts: Buffer[] = [];
      const timer = setTimeout(() => finish(() => fail(new Error("There was no answer, and no end."))), HANGS_MS);
      const finish = (then: () => void) => {
        clearTimeout(timer);
        socket.off("data", onData).off("close", onClose);
        then();
      };
      const onData = (part: Buffer) => {
        parts.push(part);
        const read = answerIn(Buffer.concat(parts), false);
        if (!read) return;
        if (read.headers.connection === "close") this.close();
        finish(() => done(read));
      };
      const onClose = () => {
        if (this.#socket === socket) this.#socket = null;
        finish(() => done(answerIn(Buffer.concat(parts), true) ?? NOTHING));
      };
      socket.on("data", onData).on("close", onClose);
      if (socket.destroyed) onClose();
      else socket.write(bytes);
    });
  }
}

/** The answer at the beginning of the bytes, once it is whole or nothing more will come; interim ones are passed over. */
function answerIn(bytes: Buffer, isEnd: boolean): Answer | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(first.split(" ")[1]);
  const rest = bytes.subarray(end + 4);
  if (status < 200) return answerIn(rest, isEnd);
  const headers: Record<string, string> = {};
  for (const line of lines)
    headers[line.slice(0, line.indexOf(":")).toLowerCase()] = line.slice(line.indexOf(":") + 1).trim();
  if (status === 204 || status === 304) return { status, headers, text: "" };
  if (headers["transfer-encoding"] === "chunked") {
    const text = unchunked(rest);
    return text === null ? null : { status, headers, text };
  }
  const length = headers["content-length"] === undefined ? null : Number(headers["content-length"]);
  if (length === null ? !isEnd : rest.length < length) return null;
  return { status, headers, text: rest.subarray(0, length ?? rest.length).toString("utf8") };
}

function unchunked(bytes: Buffer): string | null {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (bytes.length < end + 4 + size) return null;
    if (size === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}
