import { createRuntime } from "../src/server/functions.ts";
import { answerApi } from "../src/server/functions-api.ts";

/** Netlify function: the leads API. */
const runtime = createRuntime(process.env);

export default async (request: Request): Promise<Response> => answerApi(runtime, request);

export const config = { path: ["/api/leads", "/api/leads/*"] };
