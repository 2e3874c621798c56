// Runs dependency-cruiser over the tree (or a folder given) by the rules of .dependency-cruiser.mjs. Reading no
// module is a failure: with a compiler that it does not know, dependency-cruiser reads nothing and finds nothing.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { cruise } from "dependency-cruiser";
import { ROOT } from "./install.mjs";

const { default: rules } = await import(pathToFileURL(join(ROOT, ".dependency-cruiser.mjs")).href);
const base = resolve(process.argv[2] ?? ROOT);
process.chdir(base);
const { output } = await cruise(["packages", "apps"], {
  ...rules.options,
  ruleSet: { forbidden: rules.forbidden },
  validate: true,
});
const { summary } = output;
for (const violation of summary.violations) console.log(`${violation.rule.name}: ${violation.from} -> ${violation.to}`);
console.log(`${summary.totalCruised} modules read, ${summary.violations.length} violations.`);
process.exit(summary.totalCruised === 0 || summary.violations.length > 0 ? 1 : 0);
