import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";
import type { Complaint } from "./rules.ts";

/** Checks a workflow by GitHub's own grammar: its keys, the types of its values, and its expressions. */
export async function checkGrammar(file: string, content: string): Promise<Complaint[]> {
  const { context, value } = parseWorkflow({ name: file, content }, new NoOperationTraceWriter());
  if (value) await convertWorkflowTemplate(context, value, undefined, {});
  return context.errors.getErrors().map((error) => ({
    file,
    line: error.range?.start.line ?? 1,
    rule: "grammar",
    words: `${error.rawMessage}${error.rawMessage.endsWith(".") ? "" : "."}`,
  }));
}
