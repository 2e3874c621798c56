import { gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** What a first visit may load as script, gzip, lazy parts included. */
const BUDGET_BYTES = 200_000;

/** Measures the scripts as they travel and fails the build over the budget. */
const budget: Plugin = {
  name: "script-budget",
  generateBundle(_, bundle) {
    let total = 0;
    const lines: string[] = [];
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue;
      const bytes = gzipSync(file.code).length;
      total += bytes;
      if (bytes > 3_000) lines.push(`${file.fileName.replace(/^assets\//, "")} ${(bytes / 1000).toFixed(1)}`);
    }
    console.log(`Console scripts, kB gzip: ${(total / 1000).toFixed(1)} in all (${lines.join(", ")}).`);
    if (total > BUDGET_BYTES) this.error(`The scripts are over their budget of ${BUDGET_BYTES / 1000} kB gzip.`);
  },
};

const server = process.env.LATCHKEY_URL ?? "http://127.0.0.1:7400";

export default defineConfig({
  plugins: [react(), tailwindcss(), budget],
  build: { target: "es2023", assetsInlineLimit: 0, chunkSizeWarningLimit: 700, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
