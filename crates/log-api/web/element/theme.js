// Light and dark: the ink and the paper on which the colours of a log must be readable.

/** @typedef {{name: "light" | "dark", ink: string, paper: string, failure: string, target: string}} Theme the papers as in the stylesheet */

export const LIGHT = { name: /** @type {const} */ ("light"), ink: "#1f2328", paper: "#ffffff", failure: "#fff1f0", target: "#fff4c9" };
export const DARK = { name: /** @type {const} */ ("dark"), ink: "#e6edf3", paper: "#0d1117", failure: "#25171c", target: "#3a3117" };

/** @param {string | null} choice `light`, `dark`, or what the system says @returns {Theme} */
export function themeOf(choice) {
  if (choice === "light") return LIGHT;
  if (choice === "dark") return DARK;
  return matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT;
}

/** Whether the system has colours of its own that must be kept. */
export function hasForcedColours() {
  return matchMedia("(forced-colors: active)").matches;
}
