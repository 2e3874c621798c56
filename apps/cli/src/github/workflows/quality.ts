import { uses } from "../pins.ts";
import { checkout, concurrency, HEAD, setup, type WorkflowFacts } from "./parts.ts";

/** Of the lines, as the guide asks. */
const COVERAGE_FLOOR = 80;

/** Tests with the coverage gate, on every pull request and on main. */
export function testsWorkflow(facts: WorkflowFacts): string {
  const vitest = `npx vitest run --coverage --coverage.reporter=text --coverage.reporter=lcov --coverage.thresholds.lines=${COVERAGE_FLOOR} --reporter=default --reporter=junit --outputFile.junit=reports/junit.xml`;
  const command = facts.hasVitest ? vitest : `${facts.packageManager} test`;
  const reports = `      - uses: ${uses("actions/upload-artifact")}
        if: \${{ !cancelled() }}
        with:
          name: reports
          path: |
            reports/
            coverage/lcov.info
          if-no-files-found: warn
          retention-days: 14
`;
  return `${HEAD}name: Tests

on:
  pull_request:
  push:
    branches: [main]

permissions: {}

${concurrency("tests")}
jobs:
  tests:
    name: Tests and coverage
    runs-on: ubuntu-latest
    timeout-minutes: 20
    permissions:
      contents: read
    steps:
${checkout()}${setup(facts)}${facts.hasBuild ? `      - run: ${facts.packageManager} run build\n` : ""}      - name: Tests${facts.hasVitest ? `, with at least ${COVERAGE_FLOOR} % of the lines covered` : ""}
        run: ${command}
${facts.hasVitest ? reports : ""}`;
}
