import { Worker } from "node:worker_threads";
import type { ReportDesk, ReportFile } from "@latchkey/core/delivery/gates/evidence-ports";
import type { FindingAges } from "@latchkey/core/delivery/gates/findings";
import { couldNotRun, type GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import { judgeReports, type ReportTask } from "@latchkey/core/delivery/gates/reports";
import type { Job, Said } from "./worker.ts";
import { reportWorkerCode, type WorkerCode } from "./worker-code.ts";
import { readXml } from "./xml.ts";

export interface DeskLimits {
  /** Reports up to this size together are read where they are: a thread takes 30 ms to start, 64 KB of XML 5 ms to read. */
  readonly atOnceBytes: number;
  readonly threads: number;
  /** Gates that wait for a thread. A deployment asks one gate at a time, so that this is reached by hundreds of them. */
  readonly queue: number;
  readonly timeMs: number;
  /** Of a thread's heap. 10 MB of XML take about a quarter of it. */
  readonly memoryMb: number;
}
const LIMITS: DeskLimits = { atOnceBytes: 65_536, threads: 2, queue: 500, timeMs: 30_000, memoryMb: 512 };

type AgesOf = (keys: readonly string[]) => Promise<FindingAges>;

/** Reads large reports in threads of their own, so that nothing else of the server waits for them. */
export function reportDesk(over: Partial<DeskLimits> = {}, code = reportWorkerCode): ReportDesk {
  const limits = { ...LIMITS, ...over };
  const running = new Set<Worker>();
  const waiting: (() => void)[] = [];
  let taken = 0;
  let isStopping = false;
  let loaded: Promise<WorkerCode> | null = null;

  const leave = (): void => {
    taken -= 1;
    waiting.shift()?.();
  };
  const inThread = async (task: ReportTask, files: readonly ReportFile[], agesOf: AgesOf): Promise<GateJudgement> => {
    if (waiting.length >= limits.queue)
      return couldNotRun(`${limits.queue} other reports wait to be read. Ship again later.`);
    if (taken >= limits.threads) await new Promise<void>((go) => waiting.push(go));
    taken += 1;
    try {
      loaded ??= code();
      const thread = await loaded;
      if (isStopping) return couldNotRun("The server stops.");
      return await judgeInThread(thread, { task, files }, agesOf, limits, running);
    } finally {
      leave();
    }
  };
  return {
    judge: async (task, files, agesOf) => {
      const size = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
      if (size > limits.atOnceBytes) return inThread(task, files, agesOf);
      const texts = files.map(({ path, bytes }) => ({ path, text: new TextDecoder().decode(bytes) }));
      return judgeReports(task, texts, { readXml, agesOf });
    },
    abort: () => {
      isStopping = true;
      for (const worker of running) void worker.terminate();
    },
  };
}

async function judgeInThread(
  code: WorkerCode,
  job: Job,
  agesOf: AgesOf,
  limits: DeskLimits,
  running: Set<Worker>,
): Promise<GateJudgement> {
  const names = job.files.map(({ path }) => path);
  const what = names.length === 1 ? (names[0] ?? "The report") : `One of the ${names.length} reports`;
  const worker = new Worker("file" in code ? code.file : dataUrlOf(code.text), {
    workerData: job,
    transferList: job.files.flatMap(({ bytes }) => (isWhole(bytes) ? [bytes.buffer as ArrayBuffer] : [])),
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb },
    // What a parser has to say of a report is in the judgement.
    stdout: true,
    stderr: true,
  });
  running.add(worker);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<GateJudgement>((resolve, reject) => {
      timer = setTimeout(
        () => resolve(couldNotRun(`${what} could not be read within ${limits.timeMs / 1_000} s.`)),
        limits.timeMs,
      );
      worker.on("message", (said: Said) => {
        if (said.kind === "judged") resolve(said.judgement);
        else agesOf(said.keys).then((ages) => worker.postMessage(ages), reject);
      });
      worker.on("error", (error: Error & { code?: string }) =>
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
          ? resolve(couldNotRun(`${what} takes more than the ${limits.memoryMb} MB of memory that a report may.`))
          : reject(error),
      );
      // Whoever stops the server asks for no result.
      worker.on("exit", () => resolve(couldNotRun(`${what} was not read to its end.`)));
    });
  } finally {
    clearTimeout(timer);
    running.delete(worker);
    await worker.terminate();
  }
}

const isWhole = ({ buffer, byteLength }: Uint8Array): boolean => buffer.byteLength === byteLength;
const dataUrlOf = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);
