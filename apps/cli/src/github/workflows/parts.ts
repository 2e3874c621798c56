import type { PackageManager } from "../../adoption/project.ts";
import { uses } from "../pins.ts";

/** What of a repository the workflows depend on. */
export interface WorkflowFacts {
  readonly service: string;
  readonly packageManager: PackageManager;
  /** Major version, such as "22". */
  readonly node: string;
  readonly hasVitest: boolean;
  readonly hasTests: boolean;
  readonly hasBuild: boolean;
  /** Folders of Terraform, one per environment; empty when there is none. */
  readonly terraform: readonly { readonly environment: string; readonly folder: string }[];
  /** owner/repository@commit of Latchkey's Action. */
  readonly action: string | null;
}

export const HEAD = "# Written by `latchkey init github`; it is yours now. Dependabot keeps the pinned actions new.\n";

/** One run for each branch: a newer push ends the older run, and on main each ends by itself. */
export const concurrency = (name: string): string => `concurrency:
  group: ${name}-\${{ github.ref }}
  cancel-in-progress: \${{ github.ref != 'refs/heads/main' }}
`;

export const checkout = (depth = ""): string => `      - uses: ${uses("actions/checkout")}
        with:
          persist-credentials: false${depth === "" ? "" : `\n          fetch-depth: ${depth}`}
`;

const INSTALL: Readonly<Record<PackageManager, string>> = {
  npm: "npm ci",
  pnpm: "corepack enable && pnpm install --frozen-lockfile",
  yarn: "corepack enable && yarn install --immutable",
  bun: "npx bun install --frozen-lockfile",
};

/** Node and the packages, without what packages would run while they are installed from the cache of another run. */
export const setup = (
  facts: Pick<WorkflowFacts, "node" | "packageManager">,
): string => `      - uses: ${uses("actions/setup-node")}
        with:
          node-version: ${facts.node}${facts.packageManager === "npm" ? "\n          cache: npm" : ""}
      - run: ${INSTALL[facts.packageManager]}
`;
