// What is being done, and how long it took: a live line on a terminal, one line at the start and the end elsewhere.
const REPAINT_MS = 100;
/** Shorter than this nobody has waited for it: no line stays. */
const WORTH_SAYING_MS = 500;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

const seconds = (ms) => `${ms < 9_950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;

export function progressOn(stream) {
  const live = stream.isTTY === true && process.env.TERM !== "dumb";
  let paint = null;
  const clear = () => {
    if (live && paint !== null) stream.write("\r\x1b[2K");
  };
  const say = (words) => {
    clear();
    stream.write(`${words}\n`);
    paint?.();
  };
  const step = async (doing, done, work) => {
    const from = performance.now();
    let frame = 0;
    let timer = null;
    if (live) {
      paint = () => {
        const line = `${FRAMES[frame++ % FRAMES.length]} ${doing} … ${seconds(performance.now() - from)}`;
        stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
      };
      paint();
      timer = setInterval(paint, REPAINT_MS);
      timer.unref();
    } else say(`${doing} …`);
    try {
      const result = await work();
      clear();
      paint = null;
      const took = performance.now() - from;
      if (took >= WORTH_SAYING_MS) stream.write(`${live ? "✓ " : ""}${done} in ${seconds(took)}.\n`);
      return result;
    } finally {
      if (timer) clearInterval(timer);
      clear();
      paint = null;
    }
  };
  return { step, say };
}
