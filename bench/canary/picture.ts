import { CELLS, type Cell, keyOf } from "./cells.ts";
import { blamesHealthy } from "./healthy.ts";
import { OURS } from "./play.ts";
import type { Results } from "./results.ts";

/** Median seconds until harm is rolled back as an SVG: a row per harm and rate, a mark per rule, on a logarithmic axis. */
const RULES = [
  { name: OURS, shape: "circle", own: true },
  { name: "published tests", shape: "triangle", own: false },
  { name: "Kayenta-like", shape: "square", own: false },
  { name: "Flagger-like", shape: "diamond", own: false },
  { name: "guide's rule, once", shape: "cross", own: false },
] as const;
type Shape = (typeof RULES)[number]["shape"];

const WIDTH = 900;
const LEFT = 260;
const RIGHT = 810;
const TOP = 92;
const ROW = 30;
/** From one look of 5 s to the horizon. */
const [LEAST, MOST] = [4, 1800];
const TICKS = [5, 15, 60, 300, 900, 1800] as const;
/** Where "never" is written, right of the axis. */
const NEVER = 866;

/** Marks closer than this would touch: they are set off by these heights, in turn. */
const CLOSE = 12;
const OFFSETS = [0, -9, 9, -4] as const;

const x = (seconds: number): number =>
  LEFT + ((Math.log(seconds) - Math.log(LEAST)) / (Math.log(MOST) - Math.log(LEAST))) * (RIGHT - LEFT);
const timeOf = (s: number): string => (s < 60 ? `${s} s` : `${s / 60} min`);
const text = (s: string): string => s.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function mark(shape: Shape, cx: number, cy: number, kind: string): string {
  const r = shape === "circle" ? 6 : 5;
  const at = `class="${kind}"`;
  switch (shape) {
    case "circle":
      return `<circle ${at} cx="${cx}" cy="${cy}" r="${r}"/>`;
    case "square":
      return `<rect ${at} x="${cx - 4.5}" y="${cy - 4.5}" width="9" height="9"/>`;
    case "diamond":
      return `<path ${at} d="M${cx} ${cy - r - 1}l${r + 1} ${r + 1}l${-r - 1} ${r + 1}l${-r - 1} ${-r - 1}z"/>`;
    case "triangle":
      return `<path ${at} d="M${cx} ${cy - r}l${r} ${2 * r - 1}h${-2 * r}z"/>`;
    case "cross":
      return `<path ${at} d="M${cx - r} ${cy - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}"/>`;
  }
}

const STYLE = `
text{font:13px system-ui,sans-serif;fill:#1f2328}
.small{font-size:12px;fill:#59636e}
.grid{stroke:#d1d9e0;stroke-width:1}
.own{fill:#0969da;stroke:#0969da}
.other{fill:none;stroke:#59636e;stroke-width:1.8}
.faint{fill:none;stroke:#59636e;stroke-width:1.2;opacity:.35}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#9198a1}.grid{stroke:#3d444d}
.own{fill:#4493f8;stroke:#4493f8}.other,.faint{stroke:#b1bac4}}`;

export function picture(results: Results): string {
  const cells = CELLS.filter((c) => c.part === "harm" && c.peers && results.cells[keyOf(c)]);
  const height = TOP + cells.length * ROW + 16;
  const bottom = height - 16;
  const grid = TICKS.map(
    (t) =>
      `<line class="grid" x1="${round(x(t))}" y1="${TOP - 6}" x2="${round(x(t))}" y2="${bottom}"/>` +
      `<text class="small" x="${round(x(t))}" y="${TOP - 12}" text-anchor="middle">${timeOf(t)}</text>`,
  ).join("\n");
  let from = 10;
  const legend = RULES.map(({ name, shape, own }) => {
    const part = `${mark(shape, from + 6, 46, own ? "own" : "other")}<text x="${from + 18}" y="50">${text(name)}</text>`;
    from += 40 + name.length * 7.5;
    return part;
  }).join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">
<title id="title">Median time until harm is rolled back</title>
<desc id="desc">A row for each kind of harm and rate of requests. Further left is sooner. The same figures are in the tables of docs/canary.md.</desc>
<style>${STYLE}</style>
<text x="10" y="20" font-weight="600">Median time until harm is rolled back (10 % canary; further left is sooner)</text>
${legend}
<text class="small" x="10" y="${TOP - 12}">faint: blames the healthy, too</text>
<text class="small" x="${NEVER}" y="${TOP - 12}" text-anchor="middle">never</text>
${grid}
${cells.map((cell, i) => row(results, cell, TOP + i * ROW + ROW / 2)).join("\n")}
</svg>
`;
}

/** Marks of one place stand above each other, so that none covers another; ours is drawn last. */
function row(results: Results, cell: Cell, y: number): string {
  const label = `<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${text(cell.row)}, ${cell.requestsPerSecond}/s</text>`;
  const taken = new Map<number, number>();
  const marks = RULES.flatMap(({ name, shape, own }) => {
    const s = results.cells[keyOf(cell)]?.[name];
    if (!s) return [];
    const place = s.seconds ? round(x(s.seconds.median)) : NEVER;
    const before = [...taken].filter(([other]) => Math.abs(other - place) < CLOSE).reduce((n, [, k]) => n + k, 0);
    taken.set(place, (taken.get(place) ?? 0) + 1);
    const kind = own ? "own" : blamesHealthy(results, cell, name) ? "faint" : "other";
    return [mark(shape, place, y + (OFFSETS[before] ?? 0), kind)];
  });
  return [label, ...marks.reverse()].join("\n");
}

const round = (v: number): number => Math.round(v * 10) / 10;
