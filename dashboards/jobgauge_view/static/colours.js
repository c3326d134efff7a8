// Grafana's names of colours, in both themes, and the order in which series get theirs.

const SHADES = ["super-light-", "light-", "", "semi-dark-", "dark-"];
const HUES = {
  dark: {
    red: ["#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"],
    orange: ["#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"],
    yellow: ["#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"],
    green: ["#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"],
    blue: ["#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"],
    purple: ["#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"],
  },
  light: {
    red: ["#FF7383", "#F2495C", "#E02F44", "#C4162A", "#AD0317"],
    orange: ["#FFB357", "#FF9830", "#FF780A", "#FA6400", "#E55400"],
    yellow: ["#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400", "#CC9D00"],
    green: ["#96D98D", "#73BF69", "#56A64B", "#37872D", "#19730E"],
    blue: ["#8AB8FF", "#5794F2", "#3274D9", "#1F60C4", "#1250B0"],
    purple: ["#CA95E5", "#B877D9", "#A352CC", "#8F3BB8", "#7C2EA3"],
  },
};
const CLASSIC = [
  "green", "semi-dark-yellow", "light-blue", "semi-dark-orange", "red", "blue", "purple", "#705DA0", "dark-green",
  "yellow", "#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477", "#B7DBAB", "#F4D598", "#70DBED",
  "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2", "#AEA2E0", "#629E51", "#E5AC0E", "#64B0C8", "#E0752D", "#BF1B00",
  "#0A50A1", "#962D82", "#614D93", "#9AC48A", "#F2C96D", "#65C5DB", "#F9934E", "#EA6460", "#5195CE", "#D683CE",
  "#806EB7", "#3F6833", "#967302", "#2F575E", "#99440A", "#58140C", "#052B51", "#511749", "#3F2B5B",
]; // prettier-ignore

const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

/** The theme that is shown: dark or light. */
export const theme = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");

/** Change to the other theme, and keep to it. */
export function switchTheme() {
  root.dataset.theme = theme() === "dark" ? "light" : "dark";
  localStorage.setItem("jobgauge-theme", root.dataset.theme);
  changes.dispatchEvent(new Event("change"));
}

/** Tells when everything has to be drawn in other colours. */
export const changes = new EventTarget();
dark.addEventListener("change", () => changes.dispatchEvent(new Event("change")));

/** Return a colour as CSS has it; the text's own for names that are none. */
export function colour(name) {
  if (/^#[0-9a-f]{3,8}$/i.test(name)) return name;
  if (name === "transparent") return "transparent";
  const shade = SHADES.find((prefix) => prefix && name?.startsWith(prefix)) ?? "";
  const hue = HUES[theme()][name?.slice(shade.length)];
  return hue ? hue[SHADES.indexOf(shade)] : css("--text");
}

/** Return the colour of a series by its place. */
export const classic = (place) => colour(CLASSIC[place % CLASSIC.length]);

/** Return what a property of the style sheet is in this theme. */
export const css = (property) => getComputedStyle(root).getPropertyValue(property).trim();

/** Return a colour that is seen through. */
export function faded(hex, opacity) {
  const [r, g, b] = parts(hex);
  return `rgba(${r},${g},${b},${opacity})`;
}

/** Return black or white, whichever is read better on a colour. */
export function readableOn(hex) {
  const [r, g, b] = parts(hex).map((one) => (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.4 ? "#111217" : "#ffffff";
}

function parts(hex) {
  const long = hex.length < 7 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
  return [1, 3, 5].map((at) => parseInt(long.slice(at, at + 2), 16));
}
