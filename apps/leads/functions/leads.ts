import { observeFetch } from "@latchkey/flags-sdk/node";
import { openFeatures } from "../src/server/features.ts";
import { createRuntime } from "../src/server/functions.ts";
import { answerApi, contextOf } from "../src/server/functions-api.ts";

/** Netlify function: the leads API. */
const runtime = createRuntime(process.env);
const features = openFeatures(process.env, runtime.log, "function");

/** What Netlify gives a function beside the request: work that goes on behind the answer. */
interface Context {
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

const answered = observeFetch(features, contextOf, (request: Request) => answerApi(runtime, request, features));

export default async (request: Request, context: Context): Promise<Response> => {
  const answer = await answered(request);
  context.waitUntil?.(features.flush());
  return answer;
};

export const config = { path: ["/api/leads", "/api/leads/*"] };
