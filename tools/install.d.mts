export const ROOT: string;
export function ensureInstalled(): void;
export function explainInstall(output: string): string;
export function isInstalled(): boolean;
