// Runs before the first paint, so that the theme does not flash. The console's own code (ui/theme.ts) changes it later.
const remembered = localStorage.getItem("latchkey.theme");
const dark = remembered ? remembered === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = dark ? "dark" : "light";
