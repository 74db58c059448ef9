/* The charts, drawn by Vega. */

const BAR = 24;
const views = new Map();
const keysOf = new Map();
const rowsOfChart = new Map();

// What a reader points at.
function tip(handler, event, item, value) {
  const box = element("tip");
  box.hidden = value === null || value === undefined || value === "";
  if (box.hidden) return;
  const noun = () => event.target.closest("figure").querySelector("[data-noun]").textContent.slice(3);
  box.replaceChildren(...Object.entries(value).filter(([, text]) => text !== "").map(([name, text]) => {
    const line = document.createElement("p");
    line.textContent = `${name === "Count" ? capital(noun()) : name}: ${text}`;
    return line;
  }));
  box.style.left = `${Math.min(event.clientX + 14, window.innerWidth - box.offsetWidth - 8)}px`;
  box.style.top = `${Math.min(event.clientY + 14, window.innerHeight - box.offsetHeight - 8)}px`;
}

// The days that an axis names: the first, the last, and as many between as fit.
function ticksOf(rows, width) {
  const starts = [...new Set(rows.map((row) => row.start))].sort();
  const last = starts.length - 1;
  const steps = Math.max(1, Math.min(last, Math.floor(width / 120)));
  return Array.from({ length: Math.min(steps, last) + 1 },
    (_, step) => Date.parse(starts[Math.round((step * last) / steps)]));
}

// A figure without data is a line; one may have a table although there is nothing to draw.
async function draw(place, rows, { keys, summary, isEmpty = rows.length === 0 }) {
  place.closest("figure").classList.toggle("bare", isEmpty);
  place.hidden = rows.length === 0;
  keysOf.set(place, rows.length ? keys : []);
  if (place.hidden) return;
  place.setAttribute("aria-label", `${place.dataset.title}. ${summary} ${texts.see_table}`);
  rowsOfChart.set(place, rows);
  const known = views.get(place);
  if (known) {
    const { height, ticks } = sizeOf(place, rows, place.clientWidth);
    known.data("rows", rows);
    if (ticks) known.signal("ticks", ticks);
    if (place.dataset.kind === "ranked") known.height(height);
    await known.resize().runAsync();
    return;
  }
  const inside = document.createElement("div");
  inside.ariaHidden = "true"; // the label and the table say the same
  place.append(inside);
  const view = await embedded(inside, documentOf(place, rows, place.clientWidth));
  view.addEventListener("click", (event, item) => item?.datum && pickMark(item.datum));
  views.set(place, view);
}

function sizeOf({ dataset: { kind } }, rows, width) {
  const height = kind === "ranked" ? BAR * new Set(rows.map((row) => row.label)).size
    : kind === "world" ? Math.round(width * 0.46) : null;
  return { height, ticks: rows[0].start && ticksOf(rows, width) };
}

function documentOf(place, rows, width) {
  const made = structuredClone(documents[place.dataset.kind]);
  const { height, ticks } = sizeOf(place, rows, width);
  made.datasets = { ...made.datasets, rows };
  made.config.axisY.labelLimit = Math.round(width * 0.55);
  made.height = height ?? made.height;
  if (ticks) made.params = [{ name: "ticks", value: ticks }];
  return made;
}

async function embedded(inside, chart) {
  const { view } = await vegaEmbed(inside, chart, {
    mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
    hover: false, tooltip: tip,
  });
  return view;
}

// Vega looks names up in objects, which have properties such as "constructor".
const safely = (name) => (name in Object.prototype ? `${name}\u00a0` : name);

// The bars of a listing: the longest or, in order, all of them, at zero too.
function bars(entries, { in_order: inOrder }) {
  // Two organisations of the same name are two bars.
  const times = new Map();
  for (const { name } of entries) times.set(name[0], (times.get(name[0]) ?? 0) + 1);
  const shown = entries.filter((entry) => !isRest(entry)).slice(0, inOrder ? undefined : data.bars);
  return shown.flatMap(({ name, by }) => {
    const found = pickOf.get(name);
    const label = times.get(name[0]) > 1 && name[1] ? `${name[0]} (${name[1]})` : name[0];
    return by.map((value, order) => ({ label: safely(label), agent_class: classNames[order], order, value, ...found }))
      .filter((row) => inOrder || row.value > 0);
  });
}

const countries = (entries) => entries.map(({ name: [label, code], total }) =>
  ({ code: safely(code), label, value: total }));

const classesIn = (rows) => rows.filter((row) => row.value > 0).map((row) => classes[row.order]);
