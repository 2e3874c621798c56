import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";

export interface Asked {
  readonly method?: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/**
 * Opens a request. By `node:http`, and loaded when it is needed first: `fetch` costs a cold start 30 ms, this 2. A process that has
 * nothing else to do does not wait for what is only asked for (GET).
 */
export async function open(address: string, { method = "GET", headers, body }: Asked): Promise<ClientRequest> {
  const { request } = address.startsWith("https:") ? await import("node:https") : await import("node:http");
  const opened = request(address, { method, headers });
  if (method === "GET") opened.on("socket", (socket) => socket.unref());
  opened.end(body);
  return opened;
}

/** Asks, and reads the whole answer. Rejects with an error whose message is for people. */
export async function ask(address: string, asked: Asked, timeoutMs: number): Promise<Reply> {
  const request = await open(address, asked);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    timer.unref();
    const failed = (error: Error & { code?: string }) => {
      clearTimeout(timer);
      reject(new Error(error.code ?? error.message));
    };
    request.on("error", failed);
    request.on("response", (answer: IncomingMessage) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
      });
      answer.on("error", failed);
      answer.on("end", () => {
        clearTimeout(timer);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
  });
}
