import { ApiError } from "@latchkey/api/client";
import type { Progress } from "./progress.ts";
import type { Session } from "./session.ts";
import { openStream, type StreamEvent } from "./stream.ts";
import { duration } from "./text.ts";

export interface Watch {
  /** Which events call for a look. */
  readonly concerns: (event: StreamEvent) => boolean;
  /** Looks how it stands; true ends the watch. Called once at the start, with null. */
  readonly look: (event: StreamEvent | null) => Promise<boolean>;
  /** A look at least this often, for what the stream does not tell; null: only when it tells something. */
  readonly everyMs: () => number | null;
  readonly timeoutMs: number | null;
  readonly progress: Progress;
}
export type WatchEnd = "done" | "timed_out" | "interrupted";

const POLL_MS = 1_000;
const REOPEN_EVERY = 5;
/** A server that restarts is back well within this; the work goes on by its rows meanwhile. */
const PATIENCE_MS = 90_000;

/** Follows something through the live stream; when the stream ends it says so, asks instead, and tries to get it back. */
export async function watch(session: Session, o: Watch): Promise<WatchEnd> {
  const { terminal } = session;
  const over = new AbortController();
  let end: WatchEnd = "done";
  const stop = (why: WatchEnd) => {
    end = why;
    over.abort();
  };
  const deadline = o.timeoutMs === null ? null : setTimeout(() => stop("timed_out"), o.timeoutMs);
  const forget = terminal.onInterrupt(() => stop("interrupted"));
  const look = patient(session, o, over.signal);
  try {
    let told = false;
    let last: number | null = null;
    while (!over.signal.aborted) {
      const stream = await openStream(session, { after: last, signal: over.signal }).catch((error: unknown) => {
        // Without the right to the stream (or with a server that has just gone) there is still asking.
        if (error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 400)) return null;
        throw error;
      });
      if (stream) {
        if (told) o.progress.line("The live stream is back.");
        told = false;
        if (
          await drain(session, stream, o, look, over.signal, (sequence) => {
            last = sequence;
          })
        )
          return "done";
        if (over.signal.aborted) break;
      }
      if (!told)
        o.progress.line(
          `The live stream ${stream ? "ended" : "is not to be had"}; asking every ${duration(POLL_MS)} instead.`,
        );
      told = true;
      for (let asked = 0; asked < REOPEN_EVERY && !over.signal.aborted; asked++) {
        if (await look(null)) return "done";
        await terminal.pause(POLL_MS, over.signal);
      }
    }
    return end;
  } finally {
    if (deadline) clearTimeout(deadline);
    forget();
    over.abort();
  }
}

/** Reads events until the stream ends (false) or a look says that it is done (true). */
async function drain(
  session: Session,
  stream: AsyncGenerator<StreamEvent>,
  o: Watch,
  look: Watch["look"],
  signal: AbortSignal,
  saw: (sequence: number) => void,
): Promise<boolean> {
  if (await look(null)) return true;
  let pending = stream.next();
  try {
    for (;;) {
      const got = await nextOrTick(pending, o.everyMs(), session, signal);
      if (signal.aborted) return false;
      if (got === "tick") {
        if (await look(null)) return true;
        continue;
      }
      if (got.done) return false;
      const event = got.value;
      if (event.event === "ledger") saw(event.data.sequence);
      if (o.concerns(event) && (await look(event))) return true;
      pending = stream.next();
    }
  } finally {
    // A generator that rests between two events must be told that nobody comes for the next one.
    void stream.return(undefined);
  }
}

async function nextOrTick<T>(
  pending: Promise<T>,
  everyMs: number | null,
  session: Session,
  signal: AbortSignal,
): Promise<T | "tick"> {
  if (everyMs === null) return pending;
  const over = new AbortController();
  const tick = session.terminal.pause(everyMs, AbortSignal.any([signal, over.signal])).then(() => "tick" as const);
  try {
    return await Promise.race([pending, tick]);
  } finally {
    over.abort();
  }
}

/** A look that bears a server which is away for a while: what is followed goes on without it. */
function patient(session: Session, o: Watch, signal: AbortSignal): Watch["look"] {
  return async (event) => {
    let awaySince: number | null = null;
    for (;;) {
      try {
        const done = await o.look(event);
        if (awaySince !== null) o.progress.line("The server answers again.");
        return done;
      } catch (error) {
        const isAway = error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 502);
        if (!isAway || signal.aborted) throw error;
        const now = session.terminal.now();
        if (awaySince === null)
          o.progress.line("The server does not answer. What it began goes on when it is back; asking again.");
        awaySince ??= now;
        if (now - awaySince > PATIENCE_MS) throw error;
        await session.terminal.pause(POLL_MS, signal);
        if (signal.aborted) return false;
      }
    }
  };
}
