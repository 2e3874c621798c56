import { uses } from "../pins.ts";
import { checkout, concurrency, HEAD, type WorkflowFacts } from "./parts.ts";

/** Terraform: format, validity and plan on a change; apply on main, in GitHub's environment of the same name. */
export function infrastructureWorkflow(facts: WorkflowFacts): string {
  const rows = facts.terraform
    .map(({ environment, folder }) => `          - environment: ${environment}\n            folder: ${folder}\n`)
    .join("");
  const roots = [...new Set(facts.terraform.map(({ folder }) => folder.split("/")[0] ?? folder))];
  const paths = [...roots.map((root) => `${root}/**`), ".github/workflows/infrastructure.yml"]
    .map((p) => `"${p}"`)
    .join(", ");
  return `${HEAD}# Each of GitHub's environments holds what Terraform needs there; who must approve is set there as well.
name: Infrastructure

on:
  pull_request:
    paths: [${paths}]
  push:
    branches: [main]
    paths: [${paths}]

permissions: {}

${concurrency("infrastructure")}
jobs:
  check:
    name: Check \${{ matrix.environment }}
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
    strategy:
      fail-fast: false
      matrix:
        include:
${rows}    defaults:
      run:
        working-directory: \${{ matrix.folder }}
    steps:
${checkout()}      - uses: ${uses("hashicorp/setup-terraform")}
      - run: terraform fmt -check -recursive
      - run: terraform init -backend=false -input=false
      - run: terraform validate

  apply:
    name: Plan and apply \${{ matrix.environment }}
    needs: check
    if: \${{ github.event_name == 'push' }}
    runs-on: ubuntu-latest
    timeout-minutes: 30
    environment: \${{ matrix.environment }}
    permissions:
      contents: read
      # Cloud providers take the run's own proof of who it is, instead of a key.
      id-token: write
    strategy:
      # In the order of the list: what fails in development never reaches production.
      max-parallel: 1
      matrix:
        include:
${rows}    defaults:
      run:
        working-directory: \${{ matrix.folder }}
    env:
      TF_IN_AUTOMATION: "1"
      AWS_ACCESS_KEY_ID: \${{ secrets.AWS_ACCESS_KEY_ID }}
      AWS_SECRET_ACCESS_KEY: \${{ secrets.AWS_SECRET_ACCESS_KEY }}
      AWS_REGION: \${{ vars.AWS_REGION }}
      NETLIFY_TOKEN: \${{ secrets.NETLIFY_TOKEN }}
      SUPABASE_ACCESS_TOKEN: \${{ secrets.SUPABASE_ACCESS_TOKEN }}
    steps:
${checkout()}      - uses: ${uses("hashicorp/setup-terraform")}
        with:
          terraform_wrapper: false
      - run: terraform init -input=false
      - run: terraform plan -input=false -out=plan.out
      - run: terraform apply -input=false plan.out
`;
}
