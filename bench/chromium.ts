import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** A real browser: Debian's Chromium, driven by playwright-core. */
export const CHROMIUM = process.env.LATCHKEY_CHROMIUM ?? "/usr/bin/chromium";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const hasBrowser = existsSync(CHROMIUM);

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: ARGS });
