import { run } from "./program.ts";
import { processTerminal } from "./terminal.ts";

// A reader that has seen enough (`latchkey releases leads | head -3`) ends this program quietly.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const exitCode = await run(process.argv.slice(2), processTerminal());
process.exitCode = exitCode;
