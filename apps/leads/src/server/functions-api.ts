import { handleApi } from "../leads/handlers.ts";
import { type Features, VISITOR_HEADER, visitorOf } from "./features.ts";
import { type Answer, answered, type FunctionRuntime, isSynthetic } from "./functions.ts";

/** The leads API as a function; apart from the health check, which needs no validator and so starts sooner. */
const BODY_MAX_BYTES = 65_536;

export async function answerApi(runtime: FunctionRuntime, request: Request, features: Features): Promise<Response> {
  return answered(runtime, request, async (url) => {
    const text = await request.text();
    if (Buffer.byteLength(text) > BODY_MAX_BYTES) return unreadable();
    let body: unknown = null;
    try {
      if (text !== "") body = JSON.parse(text);
    } catch {
      return unreadable();
    }
    const asked = {
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body,
      idempotencyKey: request.headers.get("idempotency-key"),
      synthetic: isSynthetic(request),
    };
    const visitor = visitorOf(request.headers.get(VISITOR_HEADER));
    features.meet(visitor, asked);
    const answer = await handleApi(
      runtime.store(),
      asked,
      {
        // An instance's counters die with it: the figure is a line of the log, to be counted there.
        leadProcessed: (source, status) =>
          runtime.log.info({ metric: "leads_processed_total", source, status }, "lead"),
      },
      features.present,
    );
    features.answered(visitor, asked, answer);
    return answer;
  });
}

/** Who is told of to Latchkey; nobody for what no visitor sent. */
export function contextOf(request: Request): { targetingKey: string } | null {
  const visitor = isSynthetic(request) ? null : visitorOf(request.headers.get(VISITOR_HEADER));
  return visitor === null ? null : { targetingKey: visitor };
}

const unreadable = (): Answer => ({
  status: 400,
  body: { title: "The request is not valid", status: 400, detail: "The body must be JSON of at most 64 kB." },
  route: "unreadable",
});
