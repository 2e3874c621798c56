/** How a health answer is read where its status alone does not say it. Without any list, 200 is healthy. */
export interface HealthShape {
  /** Where the state is in the JSON answer, with dots between the names; `status` when left out. */
  readonly field?: string | undefined;
  readonly healthy?: readonly string[] | undefined;
  readonly degraded?: readonly string[] | undefined;
  readonly unhealthy?: readonly string[] | undefined;
}

/** Degraded is ready: it is told, and stops nothing. */
export interface Health {
  readonly state: "healthy" | "degraded" | "unhealthy";
  /** A sentence without its subject: "answered 503 instead of 200". */
  readonly words: string;
}

const DEFAULT_FIELD = "status";
/** Of a word that nobody foresaw, this much is repeated to people. */
const SHOWN = 60;

/**
 * Reads a health answer. Any status but 200 is unhealthy. Where words are mapped, the answer must be JSON with a word that
 * is mapped: what can't be read is unhealthy, as a page that a catch-all redirect answers with 200 is no health.
 */
export function healthOf(answer: { readonly status: number; readonly body: string }, shape: HealthShape = {}): Health {
  const isMapped = [shape.healthy, shape.degraded, shape.unhealthy].some((list) => list !== undefined);
  const field = shape.field ?? DEFAULT_FIELD;
  const said = isMapped ? wordIn(answer.body, field) : null;
  if (answer.status !== 200) {
    const also = said === null ? "" : `, and its ${field} is "${said.slice(0, SHOWN)}"`;
    return { state: "unhealthy", words: `answered ${answer.status} instead of 200${also}` };
  }
  if (!isMapped) return { state: "healthy", words: "answered 200" };
  if (said === null)
    return { state: "unhealthy", words: `answered 200, but not with JSON that has a text or boolean at "${field}"` };
  const isIn = (list: readonly string[] | undefined) => list?.some((word) => word.toLowerCase() === said.toLowerCase());
  // The worst list wins, should a word be in two.
  if (isIn(shape.unhealthy)) return { state: "unhealthy", words: `answered 200, and its ${field} is "${said}"` };
  if (isIn(shape.degraded)) return { state: "degraded", words: `says that its ${field} is "${said}"` };
  if (isIn(shape.healthy)) return { state: "healthy", words: `says that its ${field} is "${said}"` };
  const shown = said.slice(0, SHOWN);
  return { state: "unhealthy", words: `answered 200 with ${field} "${shown}", which the configuration does not map` };
}

function wordIn(body: string, field: string): string | null {
  let at: unknown;
  try {
    at = JSON.parse(body);
  } catch {
    return null;
  }
  for (const name of field.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return null;
    at = (at as Record<string, unknown>)[name];
  }
  return typeof at === "string" || typeof at === "boolean" ? String(at) : null;
}
