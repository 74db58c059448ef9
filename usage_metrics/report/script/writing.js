/* The figures that the page carries, and how names, numbers and days are written. */

const data = JSON.parse(document.getElementById("figures").textContent);
const documents = JSON.parse(document.getElementById("documents").textContent);
const { classes, class_names: classNames, texts } = data;
const DAY = 86_400_000;
const SIZES = ["bytes", "kB", "MB", "GB", "TB", "PB"];
const element = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const chartAt = (id) => document.querySelector(`[data-chart="${id}"]`);
const sum = (values) => values.reduce((total, value) => total + value, 0);

// How numbers are written, as in formatting.py.
const places = (value, digits) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const number = (value) => places(value, 0);
const rounded = (value) => places(value, 1);
const percent = (share) => `${rounded(100 * share)} %`;
const size = (bytes) => {
  let step = 0;
  while (bytes >= 1000 && step < SIZES.length - 1) { bytes /= 1000; step += 1; }
  return `${places(bytes, step ? 1 : 0)} ${SIZES[step]}`;
};
const change = (ratio) => {
  if (ratio === null) return "–";
  if (Math.abs(ratio) >= 10) return `× ${number(ratio + 1)}`;
  const points = number(Math.abs(100 * ratio));
  const sign = points === "0" ? "±" : ratio > 0 ? "+" : "−";
  return `${sign}${points} %`;
};
const writers = { number, rounded, percent, size };
const filled = (text, values) =>
  text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const shifted = (day, days) => new Date(Date.parse(day) + days * DAY).toISOString().slice(0, 10);
const written = (day, parts) => new Date(day).toLocaleDateString("en-GB", { timeZone: "UTC", ...parts });
function days(first, last) {
  const parts = { day: "numeric", month: "long", year: "numeric" };
  const whole = written(last, parts);
  if (first === last) return whole;
  if (first.slice(0, 4) !== last.slice(0, 4)) return `${written(first, parts)} – ${whole}`;
  if (first.slice(0, 7) !== last.slice(0, 7)) return `${written(first, { ...parts, year: undefined })} – ${whole}`;
  return `${written(first, { day: "numeric" })}–${whole}`;
}
