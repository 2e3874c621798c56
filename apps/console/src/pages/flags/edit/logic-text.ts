import { compileLogic, LogicProblem } from "@latchkey/core/flags/logic";
import type { FlagServe } from "../../../api/types.ts";

type Logic = Extract<FlagServe, { kind: "logic" }>["logic"];

/** What somebody typed as flagd logic: the logic, or a sentence with the place of the mistake. */
export function readLogic(text: string): { readonly logic: Logic } | { readonly mistake: string } {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    return { mistake: `It is no JSON: ${error instanceof Error ? error.message : String(error)}.` };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return { mistake: 'It must be an object, such as {"if": [condition, "on", "off"]}.' };
  try {
    compileLogic(given, "flagd-2");
  } catch (error) {
    if (!(error instanceof LogicProblem)) throw error;
    return { mistake: `${error.path}: ${error.message}.` };
  }
  return { logic: given as Logic };
}
