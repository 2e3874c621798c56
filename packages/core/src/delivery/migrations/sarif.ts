import type { LintFinding } from "./lint.ts";

/** Findings as a SARIF 2.1.0 log (OASIS), as code scanning reads it. `path` is a file's way from the repository's root. */
export function sarifOf(findings: readonly LintFinding[], path: (file: string) => string): object {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "latchkey migrations lint", rules: rules.map((id) => ({ id })) } },
        results: findings.map((f) => ({
          ruleId: f.rule,
          level: "error",
          message: { text: f.words },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(path(f.file)) },
                region: { startLine: f.line },
              },
            },
          ],
        })),
      },
    ],
  };
}
