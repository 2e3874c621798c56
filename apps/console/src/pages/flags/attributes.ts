import type { api } from "../../api/client.ts";

export type Context = NonNullable<Parameters<typeof api.explainFlag>[0]>["body"]["context"];

/** Attributes as lines `name = value`; numbers, true and false are what they look like. A text says what is wrong. */
export function readAttributes(text: string): Context | string {
  const found: Context = {};
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const at = line.indexOf("=");
    if (at <= 0) return `“${line.trim()}”: write name = value.`;
    const value = line.slice(at + 1).trim();
    if (value === "true" || value === "false") found[line.slice(0, at).trim()] = value === "true";
    else found[line.slice(0, at).trim()] = value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return found;
}
