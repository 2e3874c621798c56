import type { Session } from "./session.ts";

/**
 * Progress of long work. Somebody who watches a terminal sees one line that changes, with a spinner; a log in CI gets
 * plain lines: each turn of events at once, figures at most every quarter of a minute. With --json nothing is said.
 */
export interface Progress {
  /** Something happened: stays on the screen. */
  line(text: string): void;
  /** How it stands. `turn` names the turn of events: when it differs, the line is news. */
  standing(text: string, turn: string): void;
  end(): void;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 120;
const FIGURES_EVERY_MS = 15_000;

/** `to` is standard output, or standard error where the answer is a table that is piped on. */
export function openProgress(session: Session, to: "out" | "err" = "out"): Progress {
  if (session.json) return { line: () => {}, standing: () => {}, end: () => {} };
  const write = (text: string) => session.terminal[to](text);
  return session.terminal.isInteractive ? drawn(session, write) : logged(session, write);
}

function logged({ terminal }: Session, write: (text: string) => void): Progress {
  let saidTurn = "";
  let saidText = "";
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    line: (text) => write(`${text}\n`),
    standing: (text, turn) => {
      if (text === saidText) return;
      if (turn === saidTurn && terminal.now() - saidAt < FIGURES_EVERY_MS) return;
      saidTurn = turn;
      saidText = text;
      saidAt = terminal.now();
      write(`${text}\n`);
    },
    end: () => {},
  };
}

function drawn({ terminal, style }: Session, write: (text: string) => void): Progress {
  let text = "";
  let frame = 0;
  const erase = "\r\u001b[2K";
  const draw = () => {
    if (text === "") return;
    frame = (frame + 1) % FRAMES.length;
    const room = terminal.columns - 3;
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text;
    write(`${erase}${style.dim(FRAMES[frame] ?? "")} ${shown}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  return {
    line: (said) => {
      write(`${text === "" ? "" : erase}${said}\n`);
      draw();
    },
    standing: (said) => {
      text = said;
      draw();
    },
    end: () => {
      clearInterval(timer);
      if (text !== "") write(erase);
      text = "";
    },
  };
}
