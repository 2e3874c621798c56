import { gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** What a first visit may load as script, gzip: the entry and all that it imports at once. */
const BUDGET_BYTES = 200_000;

/** Measures the scripts as they travel and fails the build over the budget. */
const budget: Plugin = {
  name: "script-budget",
  generateBundle(_, bundle) {
    const chunks = new Map(
      Object.values(bundle).flatMap((f) => (f.type === "chunk" ? [[f.fileName, f] as const] : [])),
    );
    const sizes = new Map([...chunks].map(([name, chunk]) => [name, gzipSync(chunk.code).length]));
    const sum = (names: Iterable<string>): number => [...names].reduce((n, name) => n + (sizes.get(name) ?? 0), 0);
    const closure = (name: string, seen = new Set<string>()): Set<string> => {
      if (seen.has(name)) return seen;
      seen.add(name);
      for (const next of chunks.get(name)?.imports ?? []) closure(next, seen);
      return seen;
    };
    const entry = [...chunks.values()].find((chunk) => chunk.isEntry);
    const first = entry ? closure(entry.fileName) : new Set<string>();
    const kB = (bytes: number): string => (bytes / 1000).toFixed(1);
    const lazy = [...chunks.keys()]
      .filter((name) => !first.has(name) && (sizes.get(name) ?? 0) > 1_500)
      .map((name) => `${name.replace(/^assets\/|-[^-]*$/g, "")} ${kB(sizes.get(name) ?? 0)}`);
    console.log(
      `Console scripts, kB gzip: first load ${kB(sum(first))}, all pages ${kB(sum(sizes.keys()))} (${lazy.join(", ")}).`,
    );
    if (sum(first) > BUDGET_BYTES) this.error(`The first load is over its budget of ${BUDGET_BYTES / 1000} kB gzip.`);
  },
};

const server = process.env.LATCHKEY_URL ?? "http://127.0.0.1:7400";

export default defineConfig({
  plugins: [react(), tailwindcss(), budget],
  build: { target: "es2023", assetsInlineLimit: 0, chunkSizeWarningLimit: 700, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
