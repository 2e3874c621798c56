import type { EvaluationContext } from "./model.ts";

/** Reads an attribute: its very name first, then as a path with dots. Only what is the context's own. */
export function attributeReader(name: string): (context: EvaluationContext) => unknown {
  if (!name.includes(".")) {
    // What every object inherits must be its own; anything else is only there when it is.
    if (name in Object.prototype) return (context) => (Object.hasOwn(context, name) ? context[name] : undefined);
    return (context) => context[name];
  }
  const path = name.split(".");
  return (context) => {
    if (Object.hasOwn(context, name)) return context[name];
    let value: unknown = context;
    for (const key of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  };
}
