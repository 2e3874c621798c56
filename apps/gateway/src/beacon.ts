import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CounterRow } from "./counters.ts";
import { sendJson, sendPage } from "./pages.ts";

export const BEACON_SCRIPT_PATH = "/__latchkey/beacon.js";
export const BEACON_PATH = "/__latchkey/beacon";
const BODY_LIMIT = 2_048;
const MAX_VIEWS = 20_000;

/**
 * Runs in the visitor's browser before any other script of the page: tells of the first uncaught error, broken
 * promise or missing script, style or image of a page view, and that the page loaded. Sends no text and no
 * address, only the page view's id.
 */
export const BEACON_SCRIPT = `(function(){
var s=document.currentScript,v=s&&s.dataset.view,sent={};
if(!v||!navigator.sendBeacon)return;
function tell(kind){if(sent[kind])return;sent[kind]=1;
navigator.sendBeacon("${BEACON_PATH}",JSON.stringify({kind:kind,view:v}));}
addEventListener("error",function(e){var t=e.target;
if(t&&t!==window&&t.tagName&&!/^(SCRIPT|LINK|IMG)$/.test(t.tagName))return;tell("error");},true);
addEventListener("unhandledrejection",function(){tell("error");});
addEventListener("load",function(){tell("load");});
})();
`;

export function beaconTag(view: string, nonceAttribute: string): string {
  return `<script src="${BEACON_SCRIPT_PATH}" data-view="${view}"${nonceAttribute}></script>`;
}

interface View {
  readonly row: CounterRow;
  readonly visitor: string | null;
  failed: boolean;
}

/** The latest page views, so that each counts as broken at most once. Bounded; the oldest are forgotten. */
export class PageViews {
  readonly #views = new Map<string, View>();
  readonly #latest = new Map<string, string>();

  /** Counts a page view and returns its id, which cannot be guessed. */
  open(row: CounterRow, visitor: string | null): string {
    const id = randomUUID();
    row.pageView();
    this.#views.set(id, { row, visitor, failed: false });
    if (visitor !== null) {
      this.#latest.delete(visitor);
      this.#latest.set(visitor, id);
    }
    if (this.#views.size > MAX_VIEWS) this.#forgetOldest();
    return id;
  }

  /** A page view told of an error; true when it was known and the first one. */
  fail(id: string): boolean {
    const view = this.#views.get(id);
    if (view === undefined || view.failed) return false;
    view.failed = true;
    view.row.pageError(view.visitor);
    return true;
  }

  /** A visitor's script could not run: counts against the visitor's last page, or else the row given. */
  failOf(visitor: string | null, row: CounterRow): void {
    const id = visitor === null ? undefined : this.#latest.get(visitor);
    if (id === undefined) row.pageError(visitor);
    else this.fail(id);
  }

  #forgetOldest(): void {
    const [id, view] = this.#views.entries().next().value ?? [];
    if (id === undefined || view === undefined) return;
    this.#views.delete(id);
    if (view.visitor !== null && this.#latest.get(view.visitor) === id) this.#latest.delete(view.visitor);
  }
}

/** What a beacon says, or null when it is not one. */
export function parseBeacon(text: string): { readonly kind: "error" | "load"; readonly view: string } | null {
  try {
    const value = JSON.parse(text) as { kind?: unknown; view?: unknown } | null;
    if (value === null || typeof value !== "object" || typeof value.view !== "string") return null;
    if (value.kind !== "error" && value.kind !== "load") return null;
    return { kind: value.kind, view: value.view };
  } catch {
    return null;
  }
}

/** POST /__latchkey/beacon: 204 when understood, known or not, so that nobody can probe for ids. */
export function receiveBeacon(request: IncomingMessage, response: ServerResponse, views: PageViews): void {
  if (request.method !== "POST") {
    sendJson(response, 405, { error: "POST only" });
    return;
  }
  let text = "";
  request.setEncoding("utf8");
  request.on("error", () => undefined);
  request.on("data", (part: string) => {
    text += part;
    if (text.length <= BODY_LIMIT) return;
    request.removeAllListeners("data").removeAllListeners("end").resume();
    sendPage(response, 413, { connection: "close" });
  });
  request.on("end", () => {
    const said = parseBeacon(text);
    if (said === null) {
      sendJson(response, 400, { error: "not a beacon" });
      return;
    }
    if (said.kind === "error") views.fail(said.view);
    response.writeHead(204).end();
  });
}

export function sendBeaconScript(response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/javascript; charset=utf-8",
    "content-length": String(Buffer.byteLength(BEACON_SCRIPT)),
    "cache-control": "public, max-age=3600",
    "x-content-type-options": "nosniff",
  });
  response.end(BEACON_SCRIPT);
}
