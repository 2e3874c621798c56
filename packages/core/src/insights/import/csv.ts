import { instantOf } from "../../shared/instant.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DEPLOYMENT_KINDS, type Fact, type FactValue, OUTCOMES, type ThingKind } from "../history.ts";
import { type CsvRow, cellPlace, csvRows } from "./csv-table.ts";
import { entryOf, factOf, type ImportContext, type ImportProblem } from "./fact.ts";

type Kind = "deployment" | "change" | "incident";
type Read = (text: string) => FactValue | Wrong;
class Wrong {
  readonly words: string;
  constructor(words: string) {
    this.words = words;
  }
}
const TEXT_MAX = 300;
const text: Read = (said) => (said.length <= TEXT_MAX ? said : new Wrong(`must have at most ${TEXT_MAX} characters`));
const time: Read = (said) => instantOf(said) ?? new Wrong("must be a time such as 2026-01-31T12:00:00Z");
const commit: Read = (said) =>
  /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(said)
    ? said.toLowerCase()
    : new Wrong("must be the full name of a commit, 40 digits");
const commits: Read = (said) => {
  const all = said.split(/\s+/).map(commit);
  return all.find((one) => one instanceof Wrong)
    ? new Wrong("must be full names of commits with spaces between them")
    : (all as FactValue[]);
};
const whole: Read = (said) => (/^\d{1,9}$/.test(said) ? Number(said) : new Wrong("must be a whole number"));
const words: Read = (said) => said.split(/\s+/);
const oneOf =
  (known: readonly string[]): Read =>
  (said) =>
    known.includes(said) ? said : new Wrong(`must be one of ${known.join(", ")}`);

/** Column by column: the field that it becomes, and how it is read. The first is what the thing is called. */
interface Columns {
  readonly kind: ThingKind;
  readonly fields: Readonly<Record<string, readonly [field: string, read: Read]>>;
  readonly needs: readonly string[];
}
const COLUMNS: Readonly<Record<Kind, Columns>> = {
  deployment: {
    kind: "deployment",
    needs: ["finished_at"],
    fields: {
      ...{ deployment: ["label", text], service: ["service", text], environment: ["environment", text] },
      ...{ outcome: ["outcome", oneOf(OUTCOMES)], kind: ["kind", oneOf(DEPLOYMENT_KINDS)] },
      ...{ commit: ["commit", commit], previous_commit: ["previousCommit", commit], commits: ["commits", commits] },
      ...{
        requested_at: ["requestedAtMs", time],
        started_at: ["startedAtMs", time],
        finished_at: ["finishedAtMs", time],
      },
      ...{ detected_at: ["detectedAtMs", time], recovered_at: ["recoveredAtMs", time], remedies: ["remedies", text] },
    },
  },
  change: {
    kind: "pull_request",
    needs: ["repository"],
    fields: {
      ...{
        change: ["number", whole],
        repository: ["repository", text],
        title: ["title", text],
        labels: ["labels", words],
      },
      ...{ opened_at: ["openedAtMs", time], first_reviewed_at: ["firstReviewedAtMs", time] },
      ...{ approved_at: ["approvedAtMs", time], merged_at: ["mergedAtMs", time], closed_at: ["closedAtMs", time] },
      ...{ merge_commit: ["mergeCommit", commit], commits: ["commits", commits] },
    },
  },
  incident: {
    kind: "incident",
    needs: ["detected_at"],
    fields: {
      ...{ incident: ["title", text], service: ["service", text], environment: ["environment", text] },
      ...{ title: ["title", text], severity: ["severity", text], artifact: ["artifact", text] },
      ...{ started_at: ["startedAtMs", time], detected_at: ["detectedAtMs", time], deployment: ["deployment", text] },
      ...{ acknowledged_at: ["acknowledgedAtMs", time], resolved_at: ["resolvedAtMs", time] },
    },
  },
};
const KINDS = Object.keys(COLUMNS) as Kind[];

/**
 * The facts of a CSV file: deployments, changes or incidents, which its first column says. Either all lines are right, or
 * nothing is taken and every mistake is named by line and column.
 */
export function csvFacts(file: string, context: ImportContext): Result<readonly Fact[], readonly ImportProblem[]> {
  const table = csvRows(file);
  if (!table.ok) return table;
  const [head, ...rows] = table.value;
  if (!head)
    return err([
      { place: "line 1", words: `is missing: a line with the columns' names, the first ${KINDS.join(", ")}` },
    ]);
  const names = head.map((cell) => cell.text.trim());
  const kind = KINDS.find((known) => known === names[0]);
  if (!kind) return err([{ place: cellPlace(1, 1), words: firstColumnWords(names) }]);
  const problems = headProblems(names, COLUMNS[kind]);
  if (problems.length > 0) return err(problems);
  if (rows.length === 0)
    return err([{ place: "line 2", words: "is missing: there is nothing below the columns' names" }]);
  const seen = new Map<string, number>();
  const facts = rows.flatMap((row) => rowFacts({ row, names, kind, context, seen, problems }));
  return problems.length > 0 ? err(problems) : ok(facts);
}

const firstColumnWords = (names: readonly string[]): string =>
  names.length === 1 && names[0]?.includes(";")
    ? "the columns must have commas between them, not semicolons"
    : `must be called ${KINDS.slice(0, -1).join(", ")} or ${KINDS.at(-1)}: it says what the lines are, and holds the name of each`;

function headProblems(names: readonly string[], columns: Columns): ImportProblem[] {
  const known = Object.keys(columns.fields);
  const problems: ImportProblem[] = [];
  for (const [i, name] of names.entries()) {
    if (!known.includes(name))
      problems.push({
        place: cellPlace(1, i + 1),
        words: `${name || "an empty name"} is no column: known are ${known.join(", ")}`,
      });
    else if (names.indexOf(name) < i) problems.push({ place: cellPlace(1, i + 1), words: `${name} is there twice` });
  }
  for (const name of columns.needs)
    if (!names.includes(name)) problems.push({ place: "line 1", words: `the column ${name} is missing` });
  return problems;
}

interface RowOf {
  readonly row: CsvRow;
  readonly names: readonly string[];
  readonly kind: Kind;
  readonly context: ImportContext;
  /** In which line a thing was before. */
  readonly seen: Map<string, number>;
  readonly problems: ImportProblem[];
}
function rowFacts({ row, names, kind, context, seen, problems }: RowOf): readonly Fact[] {
  const columns = COLUMNS[kind];
  const line = row[0]?.line ?? 0;
  const before = problems.length;
  if (row.length !== names.length) {
    problems.push({ place: `line ${line}`, words: `has ${row.length} cells, and there are ${names.length} columns` });
    return [];
  }
  const fields: Record<string, FactValue> = {};
  for (const [i, name] of names.entries()) {
    const said = row[i]?.text.trim() ?? "";
    const place = cellPlace(row[i]?.line ?? line, i + 1, name);
    if (said === "" && (i === 0 || columns.needs.includes(name))) problems.push({ place, words: "is missing" });
    const [field, read] = entryOf(columns.fields, name) ?? [];
    if (said === "" || !field || !read) continue;
    const value = read(said);
    if (value instanceof Wrong) problems.push({ place, words: `${value.words}, not "${said.slice(0, 40)}"` });
    else fields[field] = value;
  }
  if (problems.length > before) return [];
  const id = row[0]?.text.trim() ?? "";
  const key = kind === "change" ? `${String(fields.repository)}#${id}` : keyOf(context, kind, id);
  const first = seen.get(key);
  if (first !== undefined) {
    problems.push({ place: cellPlace(line, 1, names[0]), words: `${id} is in line ${first} already` });
    return [];
  }
  seen.set(key, line);
  const told =
    kind === "deployment" ? deployed(fields, context) : kind === "incident" ? happened(fields, context) : fields;
  return [
    // With another content it is another word of the same thing, so that a mended file is taken in.
    factOf({
      source: context.source,
      id: `${kind}:${id}:${digest(row)}`,
      kind: columns.kind,
      key,
      atMs: latest(told),
      fields: told,
    }),
  ];
}

const keyOf = ({ source }: ImportContext, kind: Kind, id: string): string => `${source}/${kind}/${id}`;
/** A deployment of this file's kind by its name, or of another source by its whole key. */
const deploymentNamed = (context: ImportContext, name: FactValue): string => {
  const said = String(name);
  return /^(latchkey|git|github|cdevents|webhook|csv):/.test(said) ? said : keyOf(context, "deployment", said);
};
/** The newest time that a line tells: what it says was known then. */
const latest = (fields: Readonly<Record<string, FactValue>>): number =>
  Object.entries(fields).reduce(
    (newest, [name, value]) => (name.endsWith("AtMs") && typeof value === "number" ? Math.max(newest, value) : newest),
    0,
  );

function deployed(fields: Readonly<Record<string, FactValue>>, context: ImportContext): Record<string, FactValue> {
  const outcome = fields.outcome ?? "succeeded";
  const reached = outcome === "succeeded" || outcome === "rolled_back";
  return {
    ...{ source: context.source, service: context.service, environment: context.environment },
    ...{ ...fields, outcome },
    ...(fields.remedies === undefined ? {} : { remedies: deploymentNamed(context, fields.remedies) }),
    ...(reached && fields.finishedAtMs !== undefined ? { servedAllAtMs: fields.finishedAtMs } : {}),
  };
}

function happened(fields: Readonly<Record<string, FactValue>>, context: ImportContext): Record<string, FactValue> {
  const { deployment, ...rest } = fields;
  const link =
    deployment === undefined
      ? []
      : [{ deployment: deploymentNamed(context, deployment), by: "stated", words: "The file names it." }];
  return {
    ...{ source: context.source, service: context.service, environment: context.environment },
    ...{ ...rest, ...(link.length > 0 ? { links: link } : {}) },
  };
}

/** FNV-1a (Fowler, Noll, Vo) over a line's cells, twice 32 bits: to tell it from what it was before, not against forgery. */
function digest(row: CsvRow): string {
  const whole = row.map((cell) => cell.text.trim()).join("\u001f");
  return [0x811c9dc5, 0x01000193]
    .map((seed) => {
      let hash = seed;
      for (let i = 0; i < whole.length; i += 1) hash = Math.imul(hash ^ whole.charCodeAt(i), 0x01000193) >>> 0;
      return hash.toString(16).padStart(8, "0");
    })
    .join("");
}
