import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold } from "../../shared/registers.ts";
import { deploymentOf, incidentOf, pullRequestOf } from "../history.ts";
import { csvFacts } from "./csv.ts";
import { csvRows } from "./csv-table.ts";
import { problemLine } from "./fact.ts";

const context = { source: "csv:leads", service: "leads", environment: "production" };
const SHA = "a".repeat(40);
const factsOf = (file: string) => {
  const read = csvFacts(file, context);
  if (!read.ok) throw new Error(read.error.map(problemLine).join("\n"));
  return read.value;
};
const problemsOf = (file: string): string[] => {
  const read = csvFacts(file, context);
  return read.ok ? [] : read.error.map(problemLine);
};

describe("a table", () => {
  const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
  it("is read back as it was written, whatever is in its cells", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é") });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1 }),
        fc.boolean(),
        (rows, isCrLf) => {
          const end = isCrLf ? "\r\n" : "\n";
          const read = csvRows(rows.map((row) => row.map(quoted).join(",")).join(end));
          expect(read.ok && read.value.map((row) => row.map(({ text }) => text))).toEqual(rows);
        },
      ),
    );
  });
  it("knows the line of a cell below one of several lines", () => {
    const read = csvRows('\uFEFFa,b\r\n"1\n2",3\n\n4,\n');
    expect(read.ok && read.value.map((row) => row.map(({ text, line }) => `${line}:${text}`))).toEqual([
      ...[
        ["1:a", "1:b"],
        ["2:1\n2", "3:3"],
        ["5:4", "5:"],
      ],
    ]);
  });
  it.each([
    ['a,b\n1,"2\n3', "line 2, column 2: the quote that begins here has no end"],
    ['a,b\n"1"x,2', "line 2, column 1: text follows the quote's end"],
    ['a,b\n1"2,3', "line 2, column 1: a quote stands within"],
  ])("that is none is told of by its place: %#", (file, words) => {
    const read = csvRows(file);
    expect(read.ok ? "" : read.error.map(problemLine).join()).toContain(words);
  });
});

describe("deployments of a file", () => {
  it("have what their columns say", () => {
    const [first, second, ...more] = factsOf(
      [
        "deployment,started_at,finished_at,outcome,commit,commits,kind,remedies,environment",
        `d1,2026-11-01T12:00:00Z,2026-11-01 12:10:00,,${SHA},,,,`,
        `d2,,2026-11-02T12:00:00+01:00,failed,,${SHA} ${SHA.replaceAll("a", "b")},hotfix,d1,staging`,
      ].join("\n"),
    );
    expect(more).toEqual([]);
    expect(deploymentOf(first?.key ?? "", fold({}, first ?? never()))).toMatchObject({
      ...{
        key: "csv:leads/deployment/d1",
        service: "leads",
        environment: "production",
        outcome: "succeeded",
        commit: SHA,
      },
      ...{ commits: null, servedAllAtMs: Date.UTC(2026, 10, 1, 12, 10), label: "d1" },
    });
    expect(deploymentOf("", fold({}, second ?? never()))).toMatchObject({
      ...{
        environment: "staging",
        outcome: "failed",
        kind: "hotfix",
        remedies: "csv:leads/deployment/d1",
        servedAllAtMs: null,
      },
      ...{ finishedAtMs: Date.UTC(2026, 10, 2, 11), commits: [SHA, SHA.replaceAll("a", "b")] },
    });
  });
  it("read again are the same words; a line that was mended is a new word of the same thing", () => {
    const file = (outcome: string) => `deployment,finished_at,outcome\nd1,2026-11-01T12:00:00Z,${outcome}`;
    expect(factsOf(file("failed"))).toEqual(factsOf(file("failed")));
    const [before] = factsOf(file("failed"));
    const [after] = factsOf(file("succeeded"));
    expect(after?.key).toBe(before?.key);
    expect(after?.id).not.toBe(before?.id);
  });
});

it("changes and incidents of a file have what their columns say", () => {
  const [change] = factsOf(
    `change,repository,title,opened_at,merged_at,merge_commit,labels\n12,hidden/shop,"A, form",2026-11-01,2026-11-02,${SHA},a b`,
  );
  expect(pullRequestOf(change?.key ?? "", fold({}, change ?? never()))).toMatchObject({
    ...{
      key: "hidden/shop#12",
      number: 12,
      title: "A, form",
      labels: ["a", "b"],
      mergeCommit: SHA,
      openedAtMs: Date.UTC(2026, 10, 1),
    },
  });
  const [mine, other] = factsOf(
    "incident,detected_at,resolved_at,deployment,title\nI-1,2026-11-01,,d1,It is slow\nI-2,2026-11-01,2026-11-02,git:shop/leads/production/x,",
  );
  expect(incidentOf("", fold({}, mine ?? never()))).toMatchObject({
    ...{ title: "It is slow", service: "leads", resolvedAtMs: null },
    links: [{ deployment: "csv:leads/deployment/d1", by: "stated" }],
  });
  expect(incidentOf("", fold({}, other ?? never()))).toMatchObject({
    title: "I-2",
    links: [{ deployment: "git:shop/leads/production/x" }],
  });
});

describe("a file with a mistake", () => {
  const at = "2026-11-01T12:00:00Z";
  it.each([
    ["", "line 1: is missing"],
    ["id,finished_at\n1,2", "line 1, column 1: must be called deployment, change or incident"],
    ["deployment;finished_at\n1;2", "line 1, column 1: the columns must have commas between them"],
    ["deployment,finishedAt\n1,2", "line 1, column 2: finishedAt is no column: known are deployment, service"],
    ["deployment,finished_at,finished_at\n", "line 1, column 3: finished_at is there twice"],
    ["deployment,outcome\nd1,failed", "line 1: the column finished_at is missing"],
    ["deployment,finished_at\n", "line 2: is missing"],
    [`deployment,finished_at\nd1,${at},x`, "line 2: has 3 cells, and there are 2 columns"],
    [
      "deployment,finished_at\nd1,2026-02-30",
      'line 2, column 2 (finished_at): must be a time such as 2026-01-31T12:00:00Z, not "2026-02-30"',
    ],
    ["deployment,finished_at\nd1,", "line 2, column 2 (finished_at): is missing"],
    [`deployment,finished_at\n,${at}`, "line 2, column 1 (deployment): is missing"],
    [`deployment,finished_at,outcome\nd1,${at},great`, "line 2, column 3 (outcome): must be one of running"],
    [`deployment,finished_at,commit\nd1,${at},abc`, "line 2, column 3 (commit): must be the full name"],
    [`deployment,finished_at,commits\nd1,${at},abc def`, "line 2, column 3 (commits): must be full names of commits"],
    [`deployment,finished_at\nd1,${at}\nd1,${at}`, "line 3, column 1 (deployment): d1 is in line 2 already"],
    ["change,repository\ntwelve,hidden/shop", "line 2, column 1 (change): must be a whole number"],
    ["constructor,finished_at\n1,2", "line 1, column 1: must be called"],
    ["deployment,finished_at,toString\n1,2,3", "line 1, column 3: toString is no column"],
  ])("is refused with line, column and what to do: %#", (file, words) =>
    expect(problemsOf(file).join("\n")).toContain(words),
  );
  it("names every mistake, and gives nothing of the lines that are right", () => {
    expect(problemsOf(`deployment,finished_at\nd1,${at}\nd2,soon\nd3,later`)).toHaveLength(2);
  });
  it("never throws, whatever is in it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("deployment", "finished_at", ",", "\n", '"', "x", "2026-11-01", "") }),
        (file) => {
          const read = csvFacts(file, context);
          expect(read.ok || read.error.length > 0).toBe(true);
        },
      ),
    );
  });
});

function never(): never {
  throw new Error("nothing was told");
}
