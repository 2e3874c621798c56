import type { Results } from "./results.ts";

export function writeDocument(_root: string, _results: Results): void {}
