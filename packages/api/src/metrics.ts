import { z } from "zod";

/** The metrics that a service brings to its judge, as they stand in its configuration. */
export const METRICS_MAX = 20;
const BUILT_IN = ["errors", "latency", "tail_p95", "tail_p99", "page_errors"];
const query = z.string().min(1).max(2_000);

/** What `{{…}}` in a query stands for: all that tells the two releases apart, and where they run. */
export const QUERY_WORDS = ["release", "releaseId", "arm", "service", "environment"] as const;
/** Without one of these both releases would get the same answer. */
const ARM_WORDS: readonly string[] = ["release", "releaseId", "arm"];

const Fields = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{1,39}$/, "2 to 40 of a-z, 0-9 and _, starting with a letter"),
  description: z.string().max(200).optional(),
  called: z
    .string()
    .regex(/^[\p{L}][\p{L}\p{N} -]{0,39}$/u, "a word or two in the plural, such as leads")
    .optional(),
  kind: z.enum(["ratio", "count", "histogram"]),
  source: z.enum(["gateway", "prometheus"]),
  direction: z.enum(["up_is_bad", "down_is_bad"]),
  severity: z.enum(["critical", "watched", "muted"]),
  weight: z.number().min(0.01).max(10).default(0.2),
  harm: z.number().min(0).max(1_000_000).optional(),
  safe: z.number().min(0).max(1_000_000).optional(),
  max: z.number().min(0).max(1_000_000).optional(),
  min: z.number().min(0).max(1_000_000).optional(),
  events: query.optional(),
  total: query.optional(),
  buckets: query.optional(),
  unit: z.enum(["seconds", "milliseconds", "number"]).optional(),
  route: z
    .strictObject({
      method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
      path: z.string().startsWith("/").max(200),
      status: z.int().min(100).max(599),
    })
    .optional(),
  per: z.enum(["requests", "page_views", "visitors"]).optional(),
  settleMs: z.int().min(0).max(3_600_000).optional(),
});
type Fields = z.infer<typeof Fields>;

/** Which fields a metric must have and may not have, by its source and kind; with an example of each. */
const EXAMPLES = {
  events: 'http_requests_total{release="{{release}}", code=~"5.."}',
  total: 'http_requests_total{release="{{release}}"}',
  buckets: 'http_request_duration_seconds_bucket{release="{{release}}"}',
  route: '{ method: "POST", path: "/api/leads", status: 201 }',
  per: '"visitors"',
} as const;
type Part = keyof typeof EXAMPLES;
const PARTS = Object.keys(EXAMPLES) as Part[];
const needs = ({ source, kind }: Fields): readonly Part[] =>
  source === "gateway" ? ["route", "per"] : kind === "histogram" ? ["buckets"] : ["events", "total"];

/** What is wrong with the placeholders of a query, with the fix; null when nothing is. */
function queryMistake(text: string): string | null {
  const words = [...text.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)].map(([, word]) => word ?? "");
  const unknown = words.find((word) => !(QUERY_WORDS as readonly string[]).includes(word));
  if (unknown !== undefined)
    return `there is no {{${unknown}}}. There are ${QUERY_WORDS.map((word) => `{{${word}}}`).join(", ")}.`;
  if (!words.some((word) => ARM_WORDS.includes(word)))
    return `asks the same of both releases. Name the one with {{release}}, such as ${EXAMPLES.total}.`;
  return null;
}

type Say = (path: readonly (string | number)[], message: string) => void;

function checkParts(metric: Fields, say: Say): void {
  const needed = needs(metric);
  const what = `a ${metric.kind} from ${metric.source}`;
  for (const part of PARTS) {
    if (needed.includes(part) && metric[part] === undefined)
      say([part], `is missing, which ${what} needs. Add it, such as ${part}: ${EXAMPLES[part]}.`);
    if (!needed.includes(part) && metric[part] !== undefined)
      say([part], `is not for ${what}. Take it away; it needs ${needed.join(" and ")}.`);
  }
  for (const part of ["events", "total", "buckets"] as const) {
    const mistake = metric[part] === undefined ? null : queryMistake(metric[part]);
    if (mistake) say([part], mistake);
  }
}

function checkMargins(metric: Fields, say: Say): void {
  const { kind, harm = 0, safe, max, min } = metric;
  if (kind === "count" && safe === undefined)
    say(
      ["safe"],
      "is missing: nobody else knows how large the rate is. Add the change that must be excluded, such as safe: 0.01.",
    );
  if (safe !== undefined && safe < harm) say(["safe"], `must not be less than harm (${harm}); it is ${safe}.`);
  const most = kind === "ratio" ? 1 : kind === "histogram" ? 0.5 : Number.POSITIVE_INFINITY;
  const is = kind === "ratio" ? "a ratio is at most 1" : "mean ranks differ by at most 0.5";
  for (const field of ["harm", "safe", "max", "min"] as const)
    if ((metric[field] ?? 0) > most) say([field], `must be at most ${most}, for ${is}; it is ${metric[field]}.`);
  if (safe === 0) say(["safe"], "must be more than 0: no difference at all can't be proved.");
  if (max === 0) say(["max"], "must be more than 0.");
  if (min === 0) say(["min"], "must be more than 0: nothing is below it.");
  if (max !== undefined && min !== undefined && min >= max)
    say(["min"], `must be less than max (${max}); it is ${min}.`);
  if (kind === "histogram")
    for (const field of ["max", "min"] as const)
      if (metric[field] !== undefined)
        say([field], "is not for a histogram. For a bound use a ratio: the values above it among all values.");
  if (metric.source !== "gateway" && metric.settleMs !== undefined)
    say(["settleMs"], "is only for what the gateway counts. Take it away.");
  if (kind === "histogram" && metric.called !== undefined)
    say(["called"], "is only for what is counted. Take it away.");
  if (kind !== "histogram" && metric.unit !== undefined) say(["unit"], "is only for a histogram. Take it away.");
}

function checkMetric(metric: Fields, say: Say): void {
  if (BUILT_IN.includes(metric.name)) say(["name"], `"${metric.name}" is a built-in metric. Give yours another name.`);
  if (metric.source === "gateway" && metric.kind === "histogram")
    say(["kind"], 'histogram is not for the gateway, which judges its own times as latency. Use source: "prometheus".');
  else checkParts(metric, say);
  checkMargins(metric, say);
}

export const MetricConfig = Fields.superRefine((metric, context) =>
  checkMetric(metric, (path, message) => context.addIssue({ code: "custom", path: [...path], message })),
);

/** All metrics of a service. */
export const MetricConfigs = z
  .array(MetricConfig)
  .max(METRICS_MAX)
  .superRefine((metrics, context) =>
    metrics.forEach(({ name }, i) => {
      if (metrics.findIndex((other) => other.name === name) < i)
        context.addIssue({
          code: "custom",
          path: [i, "name"],
          message: `there is another metric named "${name}". Give each its own name.`,
        });
    }),
  );
