/* The small charts as pictures: wider, with their edges and their periods. */

const WIDE = 720;
const HIGH = 150;
const SIGNS = {
  missing: ["Shaded", '.gap:not([d=""])'], hollow: ["Hollow", ".open"],
  hatched: ["Hatched", ".frozen"], release: ["Dashed line", ".mark"],
};

// The style sheet's colours, as attributes that every program knows.
function withColours(drawn) {
  for (const { selectorText = "", style } of document.styleSheets[0].cssRules) {
    for (const selector of selectorText.split(", ").filter((one) => /^(\.drawn \.|#hatch )/.test(one))) {
      for (const part of drawn.querySelectorAll(selector.replace(".drawn ", ""))) {
        for (const name of style) part.setAttribute(name, inLight(style.getPropertyValue(name)));
      }
    }
  }
  return drawn;
}

function enlarged(place) {
  const chart = place.querySelector("svg").cloneNode(true);
  for (const [name, value] of Object.entries({ y: 20, width: WIDE, height: HIGH })) chart.setAttribute(name, value);
  const words = { "font-size": 12, fill: light("soft") };
  const { first, last } = place.closest(".multiples").dataset;
  return withColours(shape("g", {},
    document.getElementById("hatch").parentElement.cloneNode(true),
    shape("text", { ...words, y: 12 }, place.querySelector(".edge").textContent),
    shape("path", { d: `M0 ${HIGH + 20}h${WIDE}`, stroke: light("soft") }), chart,
    shape("text", { ...words, y: HIGH + 37 }, first),
    shape("text", { ...words, y: HIGH + 37, x: WIDE, "text-anchor": "end" }, last === first ? "" : last)));
}

// What the signs in a chart mean, and its two heights.
function meaningOf(place) {
  const { tHead } = document.querySelector(`[data-table="over time ${place.dataset.of}"]`);
  const heads = place.dataset.columns.split(" ").map((column) => tHead.rows[0].cells[column].textContent);
  const meant = Object.entries(SIGNS).filter(([, [, selector]]) => place.querySelector(selector))
    .map(([name, [sign]]) => `${sign}: ${document.querySelector(`.swatch.${name}`).parentElement.textContent}.`);
  const [all, some] = heads;
  return [...some ? [`Light bars: ${all}. Dark bars: ${some}.`] : [], ...meant].join(" ");
}

function smallPicture(figure) {
  const place = figure.querySelector(".drawn");
  const name = figure.closest(".dataset").querySelector("h3").textContent;
  return standAlone({
    title: `${name}: ${figure.querySelector("figcaption span").textContent}`,
    said: [`${figure.querySelector("strong").textContent}; in a period ${figure.ariaLabel.split(": ").at(-1)}.`,
      meaningOf(place)].filter(Boolean),
    legend: [], drawn: enlarged(place), width: WIDE, height: HIGH + 40,
  });
}

for (const [number, figure] of document.querySelectorAll(".small-chart").entries()) {
  const of = `${figure.closest(".dataset").querySelector("h3").textContent}, ${figure.ariaLabel.split(":")[0]}`;
  figure.dataset.number = number + 1;
  figure.append(pictureButtons(`chart_${number + 1}`, of, () => smallPicture(figure)));
}
