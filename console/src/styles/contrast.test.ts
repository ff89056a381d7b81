import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

type Rgb = readonly [number, number, number];

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

const clip = (value: number): number => Math.min(1, Math.max(0, value));

/** OKLCH to linear sRGB, clipped to the gamut. Matrices: B. Ottosson, "A perceptual color space", 2020. */
function linearRgb(lightness: number, chroma: number, hue: number): Rgb {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function tokens(theme: "light" | "dark"): Map<string, number> {
  const block = css.split(`[data-theme="${theme}"] {`)[1]?.split("}")[0] ?? "";
  const found = new Map<string, number>();
  for (const [, name, l, c, h] of block.matchAll(/--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)/g)) {
    const [red, green, blue] = linearRgb(Number(l), Number(c), Number(h));
    found.set(name ?? "", 0.2126 * red + 0.7152 * green + 0.0722 * blue);
  }
  return found;
}

function contrast(theme: Map<string, number>, text: string, ground: string): number {
  const [one, two] = [theme.get(text), theme.get(ground)];
  if (one === undefined || two === undefined) throw new Error(`no token ${text} or ${ground}`);
  return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
}

const grounds = ["paper", "sheet", "well"];
const pairs: [string, string][] = [
  ...["ink", "muted", "seal", "ok", "wait", "fail"].flatMap((text) =>
    grounds.map((ground): [string, string] => [text, ground]),
  ),
  ["ink", "mark"],
  ["ink", "seal-wash"],
  ["ink", "wait-wash"],
  ["ink", "fail-wash"],
  ["seal", "seal-wash"],
  ["ok", "ok-wash"],
  ["wait", "wait-wash"],
  ["fail", "fail-wash"],
  ["on-seal", "seal"],
  ["on-solid", "solid"],
];

describe.each(["light", "dark"] as const)("%s theme", (name) => {
  const theme = tokens(name);
  test.each(pairs)("%s on %s reads at 4.5 : 1", (text, ground) => {
    expect(contrast(theme, text, ground)).toBeGreaterThanOrEqual(4.5);
  });
});
