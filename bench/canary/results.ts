import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wilson } from "@latchkey/core/analysis/bands";
import { DECIDER_VERSION } from "@latchkey/core/analysis/judge";
import { type Cell, keyOf } from "./cells.ts";
import type { Ending } from "./play.ts";

/** What a rule did in the runs of one cell. Medians are over all runs; null where fewer than half got there. */
export interface Summary {
  readonly runs: number;
  readonly rolledBack: number;
  readonly promoted: number;
  readonly seconds: Middle | null;
  readonly canaryRequests: Middle | null;
  readonly promotedSeconds: Middle | null;
}
/** A median with the order statistics that bound it with 95 %; null: beyond the horizon. */
export interface Middle {
  readonly median: number;
  readonly low: number;
  readonly high: number | null;
}

/** No dates: the same seed and judge make the same file. */
export interface Results {
  readonly judge: string;
  readonly seed: number;
  readonly cells: { readonly [key: string]: { readonly [rule: string]: Summary } };
}

const Z = 1.959964; // the 0.975 quantile of the normal distribution

/** Ranks n/2 ± Z sqrt(n)/2 (David & Nagaraja, "Order Statistics", 3rd ed., section 7.1). */
export function middleOf(values: readonly (number | null)[]): Middle | null {
  const sorted = values.map((v) => v ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const n = sorted.length;
  const at = (rank: number) => sorted[Math.min(n, Math.max(1, rank)) - 1] ?? Number.POSITIVE_INFINITY;
  const median = at(Math.ceil(n / 2));
  if (!Number.isFinite(median)) return null;
  const half = (Z * Math.sqrt(n)) / 2;
  const high = at(Math.ceil(n / 2 + half) + 1);
  return { median, low: at(Math.floor(n / 2 - half)), high: Number.isFinite(high) ? high : null };
}

/** What happened before `fromMs` was no answer to the harm that begins then. */
export function summaryOf(endings: readonly Ending[], fromMs: number): Summary {
  const by = (action: Ending["action"]) => endings.map((e) => (e.action === action && e.atMs > fromMs ? e : null));
  const [rolled, promoted] = [by("roll_back"), by("promote")];
  const seconds = (e: Ending | null) => (e ? (e.atMs - fromMs) / 1000 : null);
  return {
    runs: endings.length,
    rolledBack: rolled.filter((e) => e !== null).length,
    promoted: endings.filter((e) => e.action === "promote").length,
    seconds: middleOf(rolled.map(seconds)),
    canaryRequests: middleOf(rolled.map((e) => e?.canaryRequests ?? null)),
    promotedSeconds: middleOf(promoted.map(seconds)),
  };
}

/** Percent of runs with its 95 % bounds (Wilson). */
export function percentOf(k: number, n: number): { value: number; low: number; high: number } {
  const { low, high } = wilson(k, n);
  return { value: (100 * k) / n, low: 100 * (low ?? 0), high: 100 * (high ?? 1) };
}

const fileOf = (root: string) => join(root, "bench", "canary", "results.json");

/** What was written before; nothing when it is another judge's. Published figures have one seed. */
export function readResults(root: string, seed: number): Results {
  const file = fileOf(root);
  const empty: Results = { judge: DECIDER_VERSION, seed, cells: {} };
  if (!existsSync(file)) return empty;
  const found = JSON.parse(readFileSync(file, "utf8")) as Results;
  if (found.judge !== DECIDER_VERSION) return empty;
  if (found.seed === seed) return found;
  throw new Error(`What is published has seed ${found.seed}: leave --seed or --write away.`);
}

/** Adds a cell to the file: read anew, as another process may have added one. */
export function writeCell(root: string, seed: number, cell: Cell, rules: Results["cells"][string]): void {
  const before = readResults(root, seed);
  const file = fileOf(root);
  writeFileSync(`${file}.new`, textOf({ ...before, cells: { ...before.cells, [keyOf(cell)]: rules } }));
  renameSync(`${file}.new`, file);
}

/** A line per rule, in order: a change shows as what it is. */
function textOf(r: Results): string {
  const inOrder = <T>(of: { readonly [key: string]: T }) => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
  const cells = inOrder(r.cells).map(([key, rules]) => {
    const lines = inOrder(rules).map(([rule, s]) => `   ${JSON.stringify(rule)}: ${JSON.stringify(s)}`);
    return `  ${JSON.stringify(key)}: {\n${lines.join(",\n")}\n  }`;
  });
  return `{\n "judge": ${JSON.stringify(r.judge)},\n "seed": ${r.seed},\n "cells": {\n${cells.join(",\n")}\n }\n}\n`;
}
