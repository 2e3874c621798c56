import { expect, it } from "vitest";
import { type EvidencePicture, evidenceSvg } from "./evidence-svg.ts";

const picture = (over: Partial<EvidencePicture> = {}): EvidencePicture => ({
  title: "leads <2>",
  effects: [],
  words: ["It failed & was taken back."],
  lnHarmThreshold: Math.log(100),
  lnSafeThreshold: Math.log(20),
  looks: Array.from({ length: 900 }, (_, i) => ({
    atMs: i * 2_000,
    lnHarm: i / 100,
    lnSafe: -1,
    metrics: [{ metric: "errors", lnHarm: i / 90, weight: 0.35 }],
  })),
  decisions: [{ atMs: 1_000, words: 'takes "10 %"' }],
  nameOf: (metric) => (metric === "errors" ? "failed requests" : metric),
  ...over,
});

it("draws every metric, all together and the decisions, and tells it in words as well", () => {
  const svg = evidenceSvg(picture());
  expect(svg).toContain("Harm: failed requests");
  expect(svg).toContain("Harm, all together");
  expect(svg).toContain("<title>takes &quot;10 %&quot;</title>");
  expect(svg).toContain('aria-label="leads &lt;2&gt;. It failed &amp; was taken back."');
  expect(svg.match(/<svg/g)).toHaveLength(1);
});

it("keeps the last look, thins the others, and stays within the picture", () => {
  const svg = evidenceSvg(picture());
  const line = /stroke="#c62828" stroke-width="2.5"[^>]* d="([^"]+)"/.exec(svg)?.[1] ?? "";
  const points = line
    .split(/[ML]/)
    .slice(1)
    .map((pair) => pair.split(" ").map(Number));
  expect(points.length).toBeLessThanOrEqual(400);
  expect(points.at(-1)?.[0]).toBe(724);
  for (const [, y = 0] of points) {
    expect(y).toBeGreaterThanOrEqual(132);
    expect(y).toBeLessThanOrEqual(508);
  }
});

it("tells effects under the chart, once each, in a picture that grows with them", () => {
  const told = "The canary fails 1 to 2 percentage points more often.";
  const svg = evidenceSvg(picture({ words: [told], effects: [told, "leads: the canary has 1 to 3 leads fewer."] }));
  expect(svg).toContain("leads: the canary has 1 to 3 leads fewer.</text>");
  expect(svg.match(/<text[^>]*>The canary fails/g)).toHaveLength(1);
  expect(svg).toContain('viewBox="0 0 960 580"');
  expect(evidenceSvg(picture())).toContain('viewBox="0 0 960 560"');
});

it("draws a rollout without a look, too", () => {
  expect(evidenceSvg(picture({ looks: [], decisions: [] }))).toContain("</svg>");
});
