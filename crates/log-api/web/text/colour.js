// Colours of a log that can be read on its background, light or dark: contrast 4.5:1 or more, whatever a tool asked for.
//
// A colour keeps its hue and is moved in lightness (OKLCH) until the contrast is there.

/** @typedef {[number, number, number]} Rgb 0–255 */

/** WCAG 2.2, 1.4.3. */
export const CONTRAST = 4.5;

/** The 16 colours that a theme gives names to. */
const BASIC = [
  "#000000", "#cd3131", "#0dbc79", "#b58900", "#2472c8", "#bc3fbc", "#11a8cd", "#a5a5a5",
  "#666666", "#f14c4c", "#23d18b", "#e5c31d", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
];

/** @type {Map<string, string>} */
const known = new Map();

/**
 * The colours to show for a style on a page.
 * @param {import("./ansi.js").Style} style
 * @param {{ink: string, paper: string}} theme as `#rrggbb`
 * @returns {{fg: string | null, bg: string | null}}
 */
export function shownColours(style, theme) {
  let [fg, bg] = [style.fg, style.bg];
  if (style.inverse) [fg, bg] = [bg ?? theme.paper, fg ?? theme.ink];
  const paper = bg === null ? theme.paper : hexOf(bg);
  if (fg === null && bg === null) return { fg: style.dim ? dimmed(theme.ink, paper) : null, bg: null };
  const ink = fg === null ? theme.ink : hexOf(fg);
  const readable = readableOn(ink, paper);
  return { fg: style.dim ? dimmed(readable, paper) : readable, bg: bg === null ? null : paper };
}

/** @param {import("./ansi.js").Colour} colour */
export function hexOf(colour) {
  if (typeof colour === "string") return colour;
  if (colour < 16) return BASIC[colour];
  if (colour >= 232) return toHex(Array(3).fill(8 + (colour - 232) * 10));
  const cube = colour - 16;
  const level = (/** @type {number} */ part) => (part === 0 ? 0 : 55 + part * 40);
  return toHex([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

/**
 * The colour itself if it can be read on the paper, else the nearest lightness that can.
 * @param {string} ink @param {string} paper
 */
export function readableOn(ink, paper) {
  const key = `${ink}${paper}`;
  const before = known.get(key);
  if (before) return before;
  const found = search(ink, paper);
  // True colours can be many; the cache is only a help.
  if (known.size > 4096) known.clear();
  known.set(key, found);
  return found;
}

/** @param {string} a @param {string} b */
export function contrast(a, b) {
  const [high, low] = [luminance(parse(a)), luminance(parse(b))].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/**
 * Half-way to the paper, as far as it can still be read.
 * @param {string} ink @param {string} paper
 */
function dimmed(ink, paper) {
  const [a, b] = [parse(ink), parse(paper)];
  const mixed = toHex([0, 1, 2].map((at) => Math.round(a[at] * 0.6 + b[at] * 0.4)));
  return readableOn(mixed, paper);
}

/** @param {string} ink @param {string} paper */
function search(ink, paper) {
  if (contrast(ink, paper) >= CONTRAST) return ink;
  const [lightness, chroma, hue] = toOklch(parse(ink));
  // Black and white have no hue: on the way there, the colour fades.
  const goal = contrast("#000000", paper) > contrast("#ffffff", paper) ? 0 : 1;
  const at = (/** @type {number} */ light) => {
    const way = goal === lightness ? 1 : (light - lightness) / (goal - lightness);
    return fromOklch([light, chroma * (1 - way ** 3), hue]);
  };
  let [near, far] = [lightness, goal];
  for (let step = 0; step < 14; step += 1) {
    const middle = (near + far) / 2;
    if (contrast(at(middle), paper) >= CONTRAST) far = middle;
    else near = middle;
  }
  return at(far);
}

/** @param {string} hex @returns {Rgb} */
function parse(hex) {
  const part = (/** @type {number} */ at) => parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

/** @param {number[]} rgb */
function toHex(rgb) {
  return `#${rgb.map((part) => Math.max(0, Math.min(255, Math.round(part))).toString(16).padStart(2, "0")).join("")}`;
}

/** @param {number} part */
function linear(part) {
  const unit = part / 255;
  return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4;
}

/** @param {number} unit */
function gamma(unit) {
  const clamped = Math.max(0, Math.min(1, unit));
  return 255 * (clamped <= 0.0031308 ? clamped * 12.92 : 1.055 * clamped ** (1 / 2.4) - 0.055);
}

/** @param {Rgb} rgb */
function luminance(rgb) {
  const [red, green, blue] = rgb.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * https://bottosson.github.io/posts/oklab/
 * @param {Rgb} rgb
 */
function toOklch(rgb) {
  const [red, green, blue] = rgb.map(linear);
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  const a = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const b = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, Math.hypot(a, b), Math.atan2(b, a)];
}

/** @param {number[]} lch */
function fromOklch([lightness, chroma, hue]) {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return toHex([
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]);
}
