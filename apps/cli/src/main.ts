import { Command } from "commander";
import { addAct } from "./act.ts";
import { addLook } from "./look.ts";
import { complain } from "./session.ts";
import { addShip } from "./ship.ts";

const program = new Command("latchkey")
  .description("Ship changes through a judged canary, and see what happened and why.")
  .option("--json", "answer in JSON")
  .showHelpAfterError("(latchkey --help tells what there is)")
  .addHelpText(
    "after",
    "\nStart here:\n  latchkey services\n  latchkey ship leads --wait\n  latchkey explain <rollout>\n\nExit codes: 0 done, 1 an error, 2 wrong use, 3 not deployed or rolled back, 4 the server can't be reached.\nThe token is read from LATCHKEY_TOKEN or .latchkey/cli.token, the address from LATCHKEY_URL (http://127.0.0.1:7400).",
  );
addShip(program);
addLook(program);
addAct(program);
program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program.parseAsync().catch((error: unknown) => {
  process.exitCode = complain(error, Boolean(program.opts().json));
});
