// A gate of the test workload: passes, fails, or waits for a file, as behaviour.json says.
import { existsSync, readFileSync } from "node:fs";

const { gate } = JSON.parse(readFileSync("behaviour.json", "utf8"));
while (gate === "wait" && !existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
if (gate === "hang") await new Promise((resolve) => setTimeout(resolve, 3_600_000));
console.log(gate === "fail" ? "1 test failed: adds up" : "all tests passed");
process.exit(gate === "fail" ? 1 : 0);
