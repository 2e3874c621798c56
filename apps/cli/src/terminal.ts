/** The world around the program: what it reads and writes. Passed in, so that a test can stand where a terminal does. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** True when people look at standard output: lines may be drawn over, and colours help. */
  readonly isInteractive: boolean;
  /** True when somebody can answer a question. */
  readonly canAsk: boolean;
  readonly columns: number;
  out(text: string): void;
  err(text: string): void;
  /** Asks for a yes; false is anything else. */
  agrees(question: string): Promise<boolean>;
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back at the first Ctrl-C; answers a function that takes the callback away. */
  onInterrupt(callback: () => void): () => void;
  /** Opens an address with the desktop's browser; false when that can't be. */
  browse(url: string): boolean;
}

export function processTerminal(): Terminal {
  return {
    env: process.env,
    cwd: process.cwd(),
    isInteractive: process.stdout.isTTY === true && process.env.CI === undefined,
    canAsk: process.stdin.isTTY === true && process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 100,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    agrees: async (message) => {
      const { confirm } = await import("@clack/prompts");
      return (await confirm({ message, initialValue: false })) === true;
    },
    now: () => Date.now(),
    pause,
    onInterrupt: (callback) => {
      process.once("SIGINT", callback);
      return () => void process.removeListener("SIGINT", callback);
    },
    browse: (url) => {
      const [command, ...before] = BROWSERS[process.platform] ?? ["xdg-open"];
      const isHeadless = process.platform === "linux" && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
      if (isHeadless || !command) return false;
      void import("node:child_process").then(({ spawn }) =>
        spawn(command, [...before, url], { stdio: "ignore", detached: true })
          .on("error", () => {})
          .unref(),
      );
      return true;
    },
  };
}

const BROWSERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  win32: ["explorer"],
};

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
