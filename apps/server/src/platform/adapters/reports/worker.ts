import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { ReportFile } from "@latchkey/core/delivery/gates/evidence-ports";
import type { FindingAges } from "@latchkey/core/delivery/gates/findings";
import type { GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import { judgeReports, type ReportTask } from "@latchkey/core/delivery/gates/reports";
import { readXml } from "./xml.ts";

/** One job, in a thread of its own that ends with it: what a report leaves behind in memory goes with the thread. */
export interface Job {
  readonly task: ReportTask;
  readonly files: readonly ReportFile[];
}
/** What the thread says: it asks for the ages of findings at most once, and then tells what it came to. */
export type Said =
  | { readonly kind: "ages"; readonly keys: readonly string[] }
  | { readonly kind: "judged"; readonly judgement: GateJudgement };

const port = parentPort;
if (!port) throw new Error("this is a thread of the server, and no program");
const say = (said: Said): void => port.postMessage(said);
const { task, files } = workerData as Job;

const judgement = await judgeReports(
  task,
  files.map(({ path, bytes }) => ({ path, text: new TextDecoder().decode(bytes) })),
  {
    readXml,
    agesOf: async (keys) => {
      const answered = once(port, "message");
      say({ kind: "ages", keys });
      const [ages] = (await answered) as [FindingAges];
      return ages;
    },
  },
);
say({ kind: "judged", judgement });
