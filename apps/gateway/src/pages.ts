import type { ServerResponse } from "node:http";

const TEXTS: Record<number, readonly [string, string]> = {
  400: ["This request is not valid", "Something on the way changed it. Loading the page again may help."],
  404: ["There is nothing here", "No service answers to this address."],
  413: ["This is too large", "Send a smaller file and try again."],
  502: ["This page is not available", "The service did not answer. Please try again in a moment."],
  503: ["We will be right back", "The service is starting. This page tries again by itself."],
  504: ["This takes too long", "The service did not answer in time. Please try again in a moment."],
};

/** A small page for people; its markup holds nothing from the request. */
export function pageOf(status: number): string {
  const [title, text] = TEXTS[status] ?? ["Something went wrong", "Please try again in a moment."];
  const again = status === 503 ? '<meta http-equiv="refresh" content="3">' : "";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${again}
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto 0;max-width:28rem;padding:0 1.5rem}
h1{font-size:1.375rem;margin:0 0 .5rem}p{margin:0;opacity:.75}</style></head>
<body><main><h1>${title}</h1><p>${text}</p></main></body></html>
`;
}

/** Answers with a page, or does nothing when an answer has begun. */
export function sendPage(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const body = pageOf(status);
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    ...headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
  });
  response.end(body);
}
