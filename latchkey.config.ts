import { defineService } from "./packages/config/src/service.ts";

/** Hidden Key's leads application: what Latchkey builds, checks and rolls out here. */
export default defineService({
  name: "leads",
  description: "Hidden Key Investments: lead form, CRM and API",
  source: "apps/leads",
  build: ["node", "build.mjs"],
  run: ["node", "server.mjs"],
  environments: ["production"],
  gates: [
    {
      name: "tests",
      kind: "tests",
      owner: "web team",
      // Left out by mistake, half of them would be noticed.
      minimumTests: 40,
      report: ".reports/tests.json",
      command: [
        "node",
        "../../node_modules/vitest/vitest.mjs",
        "run",
        "--root",
        "../..",
        "--project",
        "unit",
        "apps/leads",
        "--reporter=default",
        "--reporter=json",
        "--outputFile.json=apps/leads/.reports/tests.json",
      ],
      timeoutMs: 120_000,
    },
    {
      name: "bundle size",
      kind: "size",
      owner: "web team",
      // What a visitor loads: 71 kB of scripts as of now.
      limits: [
        { files: "public/assets/*.js", maximumBytes: 90_000, measure: "gzip" },
        { files: "public/assets/*.css", maximumBytes: 15_000, measure: "gzip" },
      ],
    },
  ],
  smoke: [{ path: "/", contains: "Hidden Key" }, { path: "/healthz" }],
  synthetic: {
    journeys: [
      { path: "/", contains: "Hidden Key" },
      { path: "/api/leads?limit=25" },
      {
        path: "/api/leads",
        method: "POST",
        status: 201,
        body: {
          contact: { name: "Synthetic Journey", email: "synthetic@example.org", phone: "555-0100-000" },
          property: { address: "1 Test Way", city: "Austin", state: "TX", zip: "78701", type: "condo" },
        },
      },
    ],
  },
  warmUp: ["/api/leads?limit=25"],
  strategy: {
    steps: [
      { trafficPercent: 10, bakeMs: 15_000, minimumRequests: 30 },
      { trafficPercent: 50, bakeMs: 15_000, minimumRequests: 50 },
    ],
    holdbackMs: 60_000,
  },
  analysis: {
    minimumBakeMs: 30_000,
    memoryGrowthRatio: 0.3,
    metrics: [
      {
        name: "leads_per_visitor",
        description: "Leads created for each visitor",
        called: "leads",
        kind: "count",
        source: "gateway",
        route: { method: "POST", path: "/api/leads", status: 201 },
        per: "visitors",
        direction: "down_is_bad",
        // Of about 30 leads per 100 visitors, one fewer is no harm, and five fewer should be excluded.
        harm: 0.01,
        safe: 0.05,
        // A site with a few visitors an hour has no lead for hours, and as a critical metric would hold each release till then.
        severity: "watched",
        // The form fits on a page: it is sent within seconds, and the rollout's steps are short.
        settleMs: 15_000,
      },
    ],
  },
});
