import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import type { RoutingArm } from "@latchkey/api/gateway";
import type { Dispatcher } from "undici";
import { type AssetSearch, isBrokenScript, isHtml, isLostAsset } from "./assets.ts";
import { beaconTag, type PageViews } from "./beacon.ts";
import { BodyTooLarge } from "./body.ts";
import { eventsOf } from "./events.ts";
import { forwardedHeaders, type HeaderMap, one, responseHeaders } from "./headers.ts";
import { HeadInjector, scriptPermission } from "./inject.ts";
import { sendPage } from "./pages.ts";
import { secondArm } from "./route.ts";
import { isLostConnection, isRefused, statusOfFailure, type Upstreams } from "./upstreams.ts";
import type { Visit } from "./visit.ts";

const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);
/** A release's process that died is started again in about a second, and in four when the server died with it. */
const RESTART_MS = 5_000;

export interface ExchangeContext {
  readonly upstreams: Upstreams;
  readonly views: PageViews;
  readonly assets: AssetSearch;
  readonly trustProxy: boolean;
}

/**
 * One request on its way to a release and back. It is counted once, on the arm it was drawn for, even when
 * another arm answered after a failed connection. Latency is measured to the end of the response's headers:
 * the rest depends on the visitor's line and never ends for a stream. A visitor who leaves early is no error,
 * and the time until then is kept as the lower bound that it is.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #context: ExchangeContext;
  readonly #visit: Visit;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #body: Readable | null;
  #arm: RoutingArm;
  #origin = "";
  #controller: Dispatcher.DispatchController | null = null;
  /** True from the moment that bytes may have reached the upstream. */
  #sent = false;
  #retried = false;
  /** Of the answer that began, or 0. */
  #status = 0;
  #counted = false;
  #failed = false;
  #gone = false;
  #injector: HeadInjector | null = null;
  /** What the first release still said while others were asked for the asset; its end may come before their answer. */
  #held: { readonly chunks: Buffer[]; ended: boolean; error: Error | null } | null = null;

  constructor(
    context: ExchangeContext,
    visit: Visit,
    request: IncomingMessage,
    response: ServerResponse,
    body: Readable | null,
  ) {
    this.#context = context;
    this.#visit = visit;
    this.#request = request;
    this.#response = response;
    this.#body = body;
    this.#arm = visit.arm;
    response.on("close", () => this.#visitorLeft());
    response.on("drain", () => this.#controller?.resume());
  }

  start(): void {
    this.#origin = this.#context.upstreams.originOf(this.#arm);
    const { asked } = this.#visit;
    const events = asked.accept?.includes("text/event-stream") === true;
    try {
      this.#context.upstreams.pool(this.#origin).dispatch(
        {
          path: asked.path,
          method: asked.method as Dispatcher.HttpMethod,
          headers: this.#headers(),
          body: this.#body,
          // Event streams may rest for as long as they like.
          ...(events ? { bodyTimeout: 0 } : {}),
        },
        this,
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #headers(): string[] {
    const plainBody = this.#visit.routeClass === "document" && this.#visit.service.injectBeacon;
    return forwardedHeaders(this.#request, { arm: this.#arm, trustProxy: this.#context.trustProxy, plainBody });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sent = true;
    if (this.#gone) controller.abort(new Error("the visitor left"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: HeaderMap): void {
    if (status < 200 || this.#gone) return;
    this.#status = status;
    this.#count(status >= 500);
    const { service, asked, eventRow } = this.#visit;
    for (const metric of eventsOf(service, asked, status)) eventRow().event(metric);
    if (!isLostAsset(this.#visit.asked, status, headers)) {
      this.#begin(status, headers);
      return;
    }
    controller.pause();
    this.#held = { chunks: [], ended: false, error: null };
    this.#elsewhere(controller, status, headers).catch((error: unknown) => this.#fail(error));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#held !== null) {
      this.#held.chunks.push(chunk);
      return;
    }
    const bytes = this.#injector === null ? chunk : this.#injector.push(chunk);
    if (bytes.length > 0 && !this.#response.write(bytes)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#held !== null) {
      this.#held.ended = true;
      return;
    }
    const rest = this.#injector?.end();
    if (rest !== undefined && rest.length > 0) this.#response.write(rest);
    this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#held !== null) {
      this.#held.error = error;
      return;
    }
    this.#fail(error);
  }

  #visitorLeft(): void {
    if (this.#response.writableFinished || this.#gone) return;
    this.#gone = true;
    this.#count(false);
    this.#controller?.abort(new Error("the visitor left"));
    this.#body?.destroy();
  }

  #count(failed: boolean): void {
    if (this.#counted) return;
    this.#counted = true;
    this.#failed = failed;
    const { row, beganMs, visitor, unit } = this.#visit;
    row.request(performance.now() - beganMs, failed, visitor, unit);
  }

  #fail(error: unknown): void {
    if (this.#gone) return;
    if (error instanceof BodyTooLarge) {
      this.#count(false);
      if (this.#response.headersSent) this.#response.destroy();
      else sendPage(this.#response, 413, { connection: "close" });
      return;
    }
    if (this.#waitsForRestart(error)) return;
    if (this.#counted && !this.#failed && !this.#retried) {
      this.#failed = true;
      this.#visit.row.laterError(this.#visit.unit);
    }
    this.#count(true);
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    if (!this.#tryAgain(error)) sendPage(this.#response, statusOfFailure(error));
  }

  /** Nobody listens there, and nobody else has this release: the visitor waits for its process, instead of an error. */
  #waitsForRestart(error: unknown): boolean {
    if (this.#sent || this.#body !== null || !isRefused(error)) return false;
    if (!this.#retried && secondArm(this.#visit.service, this.#arm) !== null) return false;
    if (performance.now() - this.#visit.beganMs > RESTART_MS) return false;
    return this.#context.upstreams.later(() => {
      if (!this.#gone) this.start();
    });
  }

  /**
   * Once, and only what is safe to repeat: nothing was sent, or a GET lost its connection before an answer began
   * (RFC 9110, 9.2.2). A time-out is not repeated: the release may be at work on it.
   */
  #tryAgain(error: unknown): boolean {
    if (this.#retried || this.#body !== null || !REPEATABLE.has(this.#visit.asked.method)) return false;
    if (this.#sent && !(this.#status === 0 && isLostConnection(error))) return false;
    const other = secondArm(this.#visit.service, this.#arm);
    // A kept connection may close just as it is used again: then the same process answers on a new one.
    if (other === null && this.#arm.upstreams.length < 2 && !this.#sent) return false;
    this.#retried = true;
    this.#sent = false;
    this.#arm = other ?? this.#arm;
    this.start();
    return true;
  }

  /** Holds the answer back while other releases are asked for the asset. */
  async #elsewhere(controller: Dispatcher.DispatchController, status: number, headers: HeaderMap): Promise<void> {
    const { assets, views } = this.#context;
    const { service, asked } = this.#visit;
    const found = await assets.find(service, this.#request, asked, this.#headers(), this.#origin);
    const held = this.#held;
    if (this.#gone || held === null) {
      found?.body.on("error", () => undefined).destroy();
      return;
    }
    if (found !== null) {
      // What the first release still wants to say is not for anybody; read and dropped, for `held` stays.
      controller.resume();
      this.#response.writeHead(found.statusCode, STATUS_CODES[found.statusCode] ?? "", responseHeaders(found.headers));
      pipeline(found.body, this.#response, () => undefined);
      return;
    }
    this.#held = null;
    if (isBrokenScript(asked, status, headers)) views.failOf(this.#visit.visitor, this.#visit.row);
    this.#begin(status, headers);
    for (const chunk of held.chunks) this.onResponseData(controller, chunk);
    if (held.error !== null) this.#fail(held.error);
    else if (held.ended) this.onResponseEnd();
    else controller.resume();
  }

  #begin(status: number, headers: HeaderMap): void {
    const out = responseHeaders(headers);
    const { setCookies, routeClass, asked } = this.#visit;
    if (setCookies.length > 0) {
      const theirs = out["set-cookie"] ?? [];
      out["set-cookie"] = [...(Array.isArray(theirs) ? theirs : [theirs]), ...setCookies];
    }
    out["x-latchkey-release"] = this.#arm.release;
    const isPage = routeClass === "document" && status >= 200 && status < 300 && isHtml(headers);
    if (isPage && asked.method === "GET") this.#openPage(headers, out);
    else if (isPage && this.#visit.service.injectBeacon) delete out["content-length"];
    this.#response.writeHead(status, STATUS_CODES[status] ?? "", out);
  }

  #openPage(headers: HeaderMap, out: Record<string, string | string[]>): void {
    const { row, visitor, service } = this.#visit;
    const view = this.#context.views.open(row, visitor);
    if (!service.injectBeacon || (one(headers, "content-encoding") ?? "identity") !== "identity") return;
    const policies = headers["content-security-policy"];
    const permission = scriptPermission(Array.isArray(policies) ? policies.join(",") : policies);
    if (permission === null) return;
    this.#injector = new HeadInjector(beaconTag(view, permission));
    delete out["content-length"];
    delete out["accept-ranges"];
    delete out["content-md5"];
    delete out.digest;
    const etag = out.etag;
    // The bytes differ with each view, so the tag holds only weakly (RFC 9110, 8.8.1).
    if (typeof etag === "string" && !etag.startsWith("W/")) out.etag = `W/${etag}`;
  }
}
