/* The pictures of the charts that Vega draws: anew, as wide on a phone as elsewhere. */

const WIDTH = 720;

function legendOf(place) {
  const near = [place.closest("figure"), place.closest("section")]
    .map((around) => around.querySelector(":scope > .legend")).find(Boolean);
  const keys = keysOf.get(place);
  return [...near?.children ?? []].filter(({ dataset: { key } }) => keys.includes(key))
    .map(({ dataset: { key }, textContent: name }) =>
      ({ name: name.trim(), colour: key === "before" ? "ink" : key, isLine: key === "before" }));
}

async function chartPicture(place) {
  const chart = { ...documentOf(place, rowsOfChart.get(place), WIDTH), width: WIDTH };
  const view = await embedded(document.createElement("div"), chart);
  const drawn = parsedSvg(await view.toSVG());
  view.finalize();
  const [width, height] = ["width", "height"].map((name) => Number(drawn.getAttribute(name)));
  const noun = place.closest("figure").querySelector("[data-noun]")?.textContent ?? "";
  return standAlone({
    title: `${place.dataset.title} ${noun}`.trim(), said: [element("chosen").dataset.said, place.dataset.meaning].filter(Boolean),
    legend: legendOf(place), drawn, width, height,
  });
}

for (const place of all("[data-chart]")) {
  place.after(pictureButtons(place.dataset.chart, place.dataset.title, () => chartPicture(place)));
}
