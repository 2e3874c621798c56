import { answerHealth, createRuntime } from "../src/server/functions.ts";

/** Netlify function: health with its four checks. */
const runtime = createRuntime(process.env);

export default async (request: Request): Promise<Response> => answerHealth(runtime, request);

export const config = { path: ["/healthz", "/api/health"] };
