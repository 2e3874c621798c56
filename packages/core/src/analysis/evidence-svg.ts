/**
 * The evidence of a rollout as one picture that needs nothing else: how far each metric is from deciding alone, and the
 * evidence of all together, over time, with the decisions. Follows the reader's light or dark theme.
 */
export interface EvidencePicture {
  readonly title: string;
  /** Sentences under the title; the first ones fit. */
  readonly words: readonly string[];
  /** Sentences under the chart: what the effects are. Those among `words` are left out. */
  readonly effects: readonly string[];
  readonly lnHarmThreshold: number;
  readonly lnSafeThreshold: number;
  readonly looks: readonly {
    readonly atMs: number;
    readonly lnHarm: number;
    readonly lnSafe: number;
    readonly metrics: readonly { readonly metric: string; readonly lnHarm: number; readonly weight: number }[];
  }[];
  readonly decisions: readonly { readonly atMs: number; readonly words: string }[];
  /** What a metric is called for people. */
  readonly nameOf: (metric: string) => string;
}

const WIDTH = 960;
const HEIGHT = 560;
const LEFT = 56;
const RIGHT = 724;
const TOP = 132;
const BOTTOM = 508;
/** More than 1.6 times what decides tells no more. */
const CEILING = 1.6;
const WORDS_MAX = 108;
/** Effects are small print over the whole width, and end on how sure they are. */
const EFFECT_WORDS_MAX = 138;
/** Of the three built-in metrics that have an effect, and of five more. */
const EFFECTS_MAX = 8;
const COLOURS = ["#2f6fde", "#b26a00", "#7a4cc2", "#0b7d84", "#a8327d", "#5d6b1a", "#6b7280"] as const;
/** At most this many points in a line: more can't be told apart. */
const POINTS = 400;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
const clip = (text: string, most = WORDS_MAX): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const round = (x: number): string => String(Math.round(x * 10) / 10);

const y = (share: number): number => BOTTOM - ((BOTTOM - TOP) * Math.max(0, Math.min(CEILING, share))) / CEILING;

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly bold: boolean;
  readonly shares: readonly number[];
}

function seriesOf(p: EvidencePicture): Series[] {
  const names = [...new Set(p.looks.flatMap((look) => look.metrics.map((m) => m.metric)))];
  const share = (ln: number, threshold: number) => Math.max(0, ln / threshold);
  return [
    {
      name: "Harm, all together",
      colour: "#c62828",
      bold: true,
      shares: p.looks.map((l) => share(l.lnHarm, p.lnHarmThreshold)),
    },
    {
      name: "Proof of safety",
      colour: "#2e7d32",
      bold: true,
      shares: p.looks.map((l) => share(l.lnSafe, p.lnSafeThreshold)),
    },
    ...names.map((name, i) => ({
      name: `Harm: ${p.nameOf(name)}`,
      colour: COLOURS[i % COLOURS.length] ?? "#6b7280",
      bold: false,
      shares: p.looks.map((look) => {
        const m = look.metrics.find((one) => one.metric === name);
        // Alone, a metric decides once its weighted share of the average reaches the threshold.
        return m && m.weight > 0 ? share(m.lnHarm, p.lnHarmThreshold - Math.log(m.weight)) : 0;
      }),
    })),
  ];
}

/** The picture as an SVG document. */
export function evidenceSvg(p: EvidencePicture): string {
  const every = Math.max(1, Math.ceil(p.looks.length / POINTS));
  const kept = p.looks.filter((_, i) => (p.looks.length - 1 - i) % every === 0);
  const times = [...kept.map((l) => l.atMs), ...p.decisions.map((d) => d.atMs)];
  const from = Math.min(0, ...times);
  const to = Math.max(1, ...times);
  const x = (atMs: number) => LEFT + ((RIGHT - LEFT) * (atMs - from)) / (to - from);
  const series = seriesOf({ ...p, looks: kept });
  const words = p.words.slice(0, 3);
  const effects = p.effects.filter((sentence) => !words.includes(sentence)).slice(0, EFFECTS_MAX);
  const height = HEIGHT + effects.length * 20;
  const path = (s: Series) =>
    s.shares.map((share, i) => `${i === 0 ? "M" : "L"}${round(x(kept[i]?.atMs ?? 0))} ${round(y(share))}`).join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(`${p.title}. ${[...p.words, ...effects].join(" ")}`)}">`,
    `<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.soft{fill:#57606a}.paper{fill:#fff}.line{stroke:#d0d7de}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9aa4af}.paper{fill:#14181d}.line{stroke:#3a424c}}</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text x="24" y="36" style="font-size:18px;font-weight:600">${escaped(clip(p.title))}</text>`,
    ...words.map((w, i) => `<text class="soft" x="24" y="${60 + i * 20}">${escaped(clip(w))}</text>`),
    ...[0, 0.5, 1, 1.5].map(
      (share) =>
        `<path class="line" fill="none" d="M${LEFT} ${round(y(share))}H${RIGHT}"${share === 1 ? ' style="stroke:#c62828;stroke-dasharray:6 4"' : ""}/><text class="soft" x="${LEFT - 8}" y="${round(y(share) + 4)}" text-anchor="end">${share * 100} %</text>`,
    ),
    `<text class="soft" x="${RIGHT}" y="${round(y(1) - 6)}" text-anchor="end">decides</text>`,
    ...timeTicks(from, to).map(
      (ms) => `<text class="soft" x="${round(x(ms))}" y="${BOTTOM + 20}" text-anchor="middle">${timeWords(ms)}</text>`,
    ),
    ...p.decisions.map(
      (d) =>
        `<path class="line" fill="none" style="stroke-dasharray:2 3" d="M${round(x(d.atMs))} ${TOP}V${BOTTOM}"><title>${escaped(d.words)}</title></path>`,
    ),
    ...[...series]
      .reverse()
      .map((s) =>
        s.shares.length > 0
          ? `<path fill="none" stroke="${s.colour}" stroke-width="${s.bold ? 2.5 : 1.5}" stroke-linejoin="round" d="${path(s)}"/>`
          : "",
      ),
    ...series.map(
      (s, i) =>
        `<path stroke="${s.colour}" stroke-width="${s.bold ? 4 : 2}" d="M${RIGHT + 20} ${TOP + 6 + i * 24}h18"/><text x="${RIGHT + 46}" y="${TOP + 10 + i * 24}">${escaped(s.name)}</text>`,
    ),
    ...effects.map((e, i) => `<text x="24" y="${HEIGHT - 14 + i * 20}">${escaped(clip(e, EFFECT_WORDS_MAX))}</text>`),
    `<text class="soft" x="24" y="${height - 14}">Share of the evidence that decides, since the rollout began. Looking often is free: the bounds hold at all looks together.</text>`,
    "</svg>",
    "",
  ]
    .filter((line, i, all) => line !== "" || i === all.length - 1)
    .join("\n");
}

/** Four or five round moments within a span, ms. */
function timeTicks(from: number, to: number): number[] {
  const step =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400].find(
      (s) => (to - from) / (s * 1000) <= 6,
    ) ?? 604_800;
  const ticks: number[] = [];
  for (let ms = Math.ceil(from / (step * 1000)) * step * 1000; ms <= to; ms += step * 1000) ticks.push(ms);
  return ticks;
}
const timeWords = (ms: number): string => {
  const s = Math.round(ms / 1000);
  return s < 120 ? `${s} s` : s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
};
