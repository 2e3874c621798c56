import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import type { RoutingArm } from "@latchkey/api/gateway";
import type { Dispatcher } from "undici";
import { type AssetSearch, isBrokenScript, isHtml, isLostAsset } from "./assets.ts";
import { beaconTag, type PageViews } from "./beacon.ts";
import { BodyTooLarge } from "./body.ts";
import { forwardedHeaders, type HeaderMap, one, responseHeaders } from "./headers.ts";
import { HeadInjector, scriptPermission } from "./inject.ts";
import { sendPage } from "./pages.ts";
import { secondArm } from "./route.ts";
import { statusOfFailure, type Upstreams } from "./upstreams.ts";
import type { Visit } from "./visit.ts";

const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);

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
  #counted = false;
  #failed = false;
  #gone = false;
  #injector: HeadInjector | null = null;

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
    this.#count(status >= 500);
    if (!isLostAsset(this.#visit.asked, status, headers)) {
      this.#begin(status, headers);
      return;
    }
    controller.pause();
    void this.#elsewhere(controller, status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const bytes = this.#injector === null ? chunk : this.#injector.push(chunk);
    if (bytes.length > 0 && !this.#response.write(bytes)) controller.pause();
  }

  onResponseEnd(): void {
    const rest = this.#injector?.end();
    if (rest !== undefined && rest.length > 0) this.#response.write(rest);
    this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
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
    this.#visit.row.request(performance.now() - this.#visit.beganMs, failed, this.#visit.visitor);
  }

  #fail(error: unknown): void {
    if (this.#gone) return;
    if (error instanceof BodyTooLarge) {
      this.#count(false);
      if (this.#response.headersSent) this.#response.destroy();
      else sendPage(this.#response, 413, { connection: "close" });
      return;
    }
    if (this.#counted && !this.#failed && !this.#retried) {
      this.#failed = true;
      this.#visit.row.laterError();
    }
    this.#count(true);
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    if (!this.#tryAgain()) sendPage(this.#response, statusOfFailure(error));
  }

  /** Once, and only when nothing can have been sent and repeating could do no harm. */
  #tryAgain(): boolean {
    if (this.#sent || this.#retried || this.#body !== null || !REPEATABLE.has(this.#visit.asked.method)) return false;
    const other = secondArm(this.#visit.service, this.#arm);
    if (other === null && this.#arm.upstreams.length < 2) return false;
    this.#retried = true;
    this.#arm = other ?? this.#arm;
    this.start();
    return true;
  }

  /** Holds the answer back while other releases are asked for the asset. */
  async #elsewhere(controller: Dispatcher.DispatchController, status: number, headers: HeaderMap): Promise<void> {
    const { assets, views } = this.#context;
    const { service, asked } = this.#visit;
    const found = await assets.find(service, this.#request, asked, this.#headers(), this.#origin);
    if (this.#gone) {
      found?.body.on("error", () => undefined).destroy();
      return;
    }
    if (found === null) {
      if (isBrokenScript(asked, status, headers)) views.failOf(this.#visit.visitor, this.#visit.row);
      this.#begin(status, headers);
      controller.resume();
      return;
    }
    // What the first release still wants to say is not for anybody; read and dropped.
    this.onResponseData = () => undefined;
    this.onResponseEnd = () => undefined;
    this.onResponseError = () => undefined;
    controller.resume();
    this.#response.writeHead(found.statusCode, STATUS_CODES[found.statusCode] ?? "", responseHeaders(found.headers));
    pipeline(found.body, this.#response, () => undefined);
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
