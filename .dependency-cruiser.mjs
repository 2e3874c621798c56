/** Which part may know which: the rules of ARCHITECTURE, each with its reason. */
const room = (name) => `^apps/server/src/${name}/`;
const ORDER = [
  "ledger",
  "catalog",
  "telemetry",
  "flags",
  "infrastructure",
  "security",
  "reliability",
  "delivery",
  "compliance",
  "insights",
  "backups",
];
// Access is needed by all rooms' routes through the composition root only; the ledger stays below everything.
const BELOW = { ledger: [], catalog: ["ledger"], telemetry: ["ledger", "catalog"] };
for (const name of ["flags", "infrastructure", "security"]) BELOW[name] = ["ledger", "catalog", "telemetry"];
BELOW.reliability = [...BELOW.flags, "flags", "infrastructure", "security"];
BELOW.delivery = [...BELOW.reliability, "reliability"];
for (const name of ["compliance", "insights", "backups"]) BELOW[name] = [...BELOW.delivery, "delivery"];

const TEST = "\\.test\\.tsx?$|/testing/|test-support|testkit";

export default {
  forbidden: [
    {
      name: "core-is-pure",
      comment: "Decisions have no I/O: take what you need as an argument.",
      severity: "error",
      from: { path: "^packages/core/src", pathNot: TEST },
      to: { pathNot: "^packages/core/src" },
    },
    {
      name: "platform-knows-no-room",
      comment: "Ports are types in core; the composition root wires.",
      severity: "error",
      from: { path: room("platform"), pathNot: TEST },
      to: { path: "^apps/server/src/", pathNot: room("platform") },
    },
    ...ORDER.map((name) => ({
      name: `order-of-${name}`,
      comment: "What must travel against the order is a recorded request or a ledger event.",
      severity: "error",
      from: { path: room(name), pathNot: TEST },
      to: {
        path: "^apps/server/src/[a-z]+/",
        pathNot: [room(name), room("platform"), ...BELOW[name].map(room)].join("|"),
      },
    })),
    {
      name: "room-by-its-front-door",
      comment: "Use another room through its index.ts.",
      severity: "error",
      from: { path: "^apps/server/src/([a-z]+)/", pathNot: TEST },
      to: { path: "^apps/server/src/[a-z]+/", pathNot: "^apps/server/src/$1/|^apps/server/src/platform/|/index\\.ts$" },
    },
    {
      name: "only-stores-touch-sql",
      comment: "SQL lives in .store.ts and .view.ts.",
      severity: "error",
      from: { path: "^apps/server/src/(?!platform|testing)", pathNot: `\\.(store|view)\\.ts$|${TEST}` },
      to: { path: "node_modules/(kysely|pg)/" },
    },
    {
      name: "only-routes-see-http",
      comment: "HTTP lives in .routes.ts.",
      severity: "error",
      from: {
        path: "^apps/server/src/(?!platform|main|compose|testing|[a-z]+/index)",
        pathNot: `\\.routes\\.ts$|${TEST}`,
      },
      to: { path: "^apps/server/src/platform/http" },
    },
    {
      name: "console-speaks-only-the-api",
      comment:
        "Everything that the console can do, the API can do. (The runtime is what the CLI builds into releases.)",
      severity: "error",
      from: { path: "^apps/(console|cli)/src" },
      to: { path: "^(apps/(?!$1)|packages/(?!api|core|config|netlify-runtime))" },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other are one, or three.",
      severity: "error",
      from: { pathNot: TEST },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-test-code-in-production",
      comment: "Tests and their tools stay out of what ships.",
      severity: "error",
      from: { path: "^(apps|packages)/[a-z-]+/src", pathNot: TEST },
      to: { path: `${TEST}|node_modules/(vitest|fast-check)/` },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Only our own: what node_modules hold lives in dist/ too, and must be seen.
    exclude: { path: "^(apps|packages)/[^/]+/dist/|/coverage/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
