// @ts-check
// Checks one export in a process of its own and prints what it cost: node verify-once.mjs <file> <key> [<kept checkpoint>]
import { verifyExport } from "latchkey-verify";

const [file = "", key = "", held] = process.argv.slice(2);
const verdict = await verifyExport(file, { key, ...(held ? { held } : {}) });
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ verdict, cpuS: (user + system) / 1e6 }));
