import { PINS, uses } from "../pins.ts";
import { checkout, concurrency, HEAD, setup, type WorkflowFacts } from "./parts.ts";

/** Pull requests of strangers have no secrets: what needs one runs for the repository's own branches. */
const OWN = `\${{ github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository }}`;

const sarif = (file: string, category: string): string => `      - uses: ${uses("github/codeql-action", "upload-sarif")}
        if: \${{ !cancelled() && hashFiles('${file}') != '' }}
        with:
          sarif_file: ${file}
          category: ${category}
`;

/** Secrets, dependencies, code and configuration: TruffleHog, Gitleaks, Snyk, OWASP Dependency-Check, CodeQL and Trivy. */
export function securityWorkflow(facts: WorkflowFacts): string {
  return `${HEAD}# Secrets of the repository: SNYK_TOKEN; GITLEAKS_LICENSE where the repository is an organisation's; NVD_API_KEY, without
# which OWASP Dependency-Check takes long.
name: Security

on:
  pull_request:
  push:
    branches: [main]
  schedule:
    # What was published since the last change.
    - cron: "17 4 * * *"

permissions: {}

${concurrency("security")}
jobs:
${[trufflehog(), gitleaks(), snyk(facts), dependencyCheck(facts), codeql(), trivy()].join("\n")}`;
}

const trufflehog = (): string => `  trufflehog:
    name: TruffleHog
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
    steps:
${checkout("0")}      - uses: ${uses("trufflesecurity/trufflehog")}
        with:
          version: ${PINS["trufflesecurity/trufflehog"].version.slice(1)}
          extra_args: --results=verified,unknown
`;

const gitleaks = (): string => `  gitleaks:
    name: Gitleaks
    if: ${OWN}
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
      # It asks which commits a pull request has.
      pull-requests: read
    steps:
${checkout("0")}      - uses: ${uses("gitleaks/gitleaks-action")}
        env:
          GITHUB_TOKEN: \${{ secrets.GITHUB_TOKEN }}
          GITLEAKS_LICENSE: \${{ secrets.GITLEAKS_LICENSE }}
          GITLEAKS_ENABLE_COMMENTS: "false"
`;

const snyk = (facts: WorkflowFacts): string => `  snyk:
    name: Snyk
    if: ${OWN}
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
      security-events: write
    steps:
${checkout()}${setup(facts)}      - uses: ${uses("snyk/actions", "setup")}
      - name: Dependencies
        run: snyk test --severity-threshold=high --sarif-file-output=snyk.sarif
        env:
          SNYK_TOKEN: \${{ secrets.SNYK_TOKEN }}
${sarif("snyk.sarif", "snyk")}`;

const dependencyCheck = (facts: WorkflowFacts): string => `  dependency-check:
    name: OWASP Dependency-Check
    if: ${OWN}
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: read
      security-events: write
    steps:
${checkout()}      # The action is pinned; the image that it runs is the newest one, as vulnerabilities are news.
      - uses: ${uses("dependency-check/Dependency-Check_Action")}
        with:
          project: ${facts.service}
          path: .
          format: SARIF
          args: --failOnCVSS 7 \${{ secrets.NVD_API_KEY != '' && format('--nvdApiKey {0}', secrets.NVD_API_KEY) || '' }}
${sarif("reports/dependency-check-report.sarif", "dependency-check")}`;

const codeql = (): string => `  codeql:
    name: CodeQL
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      actions: read
      contents: read
      security-events: write
    steps:
${checkout()}      - uses: ${uses("github/codeql-action", "init")}
        with:
          languages: javascript-typescript
          queries: security-extended
      - uses: ${uses("github/codeql-action", "analyze")}
        with:
          category: codeql
`;

const trivy = (): string => `  trivy:
    name: Trivy
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
      security-events: write
    steps:
${checkout()}      - uses: ${uses("aquasecurity/trivy-action")}
        with:
          scan-type: fs
          scan-ref: .
          scanners: vuln,misconfig,secret
          severity: HIGH,CRITICAL
          format: sarif
          output: trivy.sarif
          exit-code: "1"
          limit-severities-for-sarif: "true"
${sarif("trivy.sarif", "trivy")}`;
