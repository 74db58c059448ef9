/* Adds up the figures that the filter selects, and draws them. static_tables.py writes
   what the tables hold when the page is opened, from the same figures. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const documents = JSON.parse(document.getElementById("documents").textContent);
  const { classes, class_names: classNames, columns: COLUMNS } = data;
  const NOT_COUNTED = ["robot", "internal"];
  const ANY = -1;
  const BAR = 24;
  const SIZES = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  const element = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const chartAt = (id) => document.querySelector(`[data-chart="${id}"]`);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const views = new Map();

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

  // What the filter selects; "who" is ANY for everybody.
  function chosen() {
    const who = element("who").value;
    const isNeverCounted = NOT_COUNTED.includes(who);
    element("measure").disabled = isNeverCounted;
    const measure = isNeverCounted ? "requests" : element("measure").value;
    const { periods, before } = data;
    let first = periods.findIndex((period) => period[1] > element("from").value);
    first = first < 0 ? periods.length - 1 : Math.max(first, before);
    const last = Math.max(first, periods.findLastIndex((period) => period[0] <= element("to").value));
    const dataset = data.datasets.indexOf(element("dataset").value);
    return { dataset, who: classes.indexOf(who), measure, first, last };
  }

  // payload.py packs the rows of each name, dataset and class together.
  function unpacked({ series, step, ...counts }) {
    const rows = { name: [], dataset: [], agent_class: [], period: [], ...counts };
    for (let at = 0; at < series.length; at += 4) {
      let period = 0;
      for (let left = series[at + 3]; left > 0; left -= 1) {
        period += step[rows.name.length];
        rows.name.push(series[at]);
        rows.dataset.push(series[at + 1]);
        rows.agent_class.push(series[at + 2]);
        rows.period.push(period);
      }
    }
    return rows;
  }
  for (const facts of Object.values(data.facts)) facts.rows = unpacked(facts.rows);

  // Adding up. A table is an object of columns.
  function* rowsOf({ period, dataset, agent_class: agentClass }, choice) {
    for (let row = 0; row < period.length; row += 1) {
      if (period[row] < choice.first || period[row] > choice.last) continue;
      if (choice.dataset !== ANY && dataset[row] !== choice.dataset) continue;
      if (choice.who !== ANY && agentClass[row] !== choice.who) continue;
      yield row;
    }
  }

  const isRest = (entry) => entry.name[0] === data.others;

  function ranked(listing, choice) {
    const { names, rows } = data.facts[listing.ranking];
    const entries = names.map((name, index) => ({ name, index, by: classes.map(() => 0) }));
    // Facts have no rows for all datasets together.
    for (const row of rowsOf(rows, { ...choice, dataset: choice.dataset || ANY })) {
      entries[rows.name[row]].by[rows.agent_class[row]] += rows[choice.measure][row];
    }
    for (const entry of entries) entry.total = sum(entry.by);
    const kept = entries.filter(({ name, total }) =>
      total > 0 && (!listing.networks.length || listing.networks.includes(name[data.network])));
    kept.sort((a, b) => isRest(a) - isRest(b) || b.total - a.total || a.index - b.index);
    return { entries: kept, total: sum(entries.map((entry) => entry.total)) };
  }

  function listingTable({ entries, total }, columns) {
    const line = (name, those) => {
      const by = classes.map((_, index) => sum(those.map((entry) => entry.by[index])));
      return [...name, number(sum(by)), percent(sum(by) / Math.max(1, total)), ...spread(by)];
    };
    const shown = entries.filter((entry) => !isRest(entry)).slice(0, data.lines);
    const lines = shown.map((entry) => line(entry.name, [entry]));
    // The rest is sorted to the end.
    const rest = entries.slice(shown.length);
    if (rest.length) lines.push(line([data.others, ...Array(columns - 1).fill("")], rest));
    return lines;
  }

  // Three classes have columns of their own; one more adds up the others.
  function spread(by) {
    const own = COLUMNS.map((index) => by[index]);
    return [...own, sum(by) - sum(own)].map(number);
  }

  function overTime(table, periods, choice) {
    const lines = periods.map(([start, stop, label, , counted]) => ({
      start, stop, label, missing: counted === 0,
      by: classes.map(() => 0), byCounted: classes.map(() => 0),
    }));
    for (const row of rowsOf(table, choice)) {
      const line = lines[table.period[row]];
      line.by[table.agent_class[row]] += table.requests[row];
      line.byCounted[table.agent_class[row]] += table.counted[row];
    }
    return lines.slice(choice.first, choice.last + 1);
  }

  const timeTable = (lines) => lines.map(({ label, by, byCounted }) =>
    [label, ...spread(by), number(sum(by)), number(sum(byCounted))]);

  // A class without a column is shown only when chosen.
  const isShown = ({ who }, index) => (who === ANY ? COLUMNS.includes(index) : who === index);

  // The headline figures and how they changed.
  function daysOf(first, last) {
    const periods = data.periods.slice(first, last + 1);
    return { days: sum(periods.map((period) => period[3])), counted: sum(periods.map((period) => period[4])) };
  }

  function comparisonOf({ first, last }) {
    const whole = last - first + 1;
    const isHalf = first < whole;
    const count = isHalf ? Math.floor(whole / 2) : whole;
    const now = [last - count + 1, last];
    const then = [last - 2 * count + 1, last - count];
    const before = daysOf(...then);
    const isKnown = count > 0 && daysOf(...now).counted > 0 && 2 * before.counted >= before.days;
    return isKnown ? { now, then, isHalf, count } : null;
  }

  function comparisonText(comparison) {
    if (comparison === null) return data.texts.nothing_to_compare;
    const unit = comparison.count === 1 ? data.unit : `${data.unit}s`;
    return (comparison.isHalf ? data.texts.halves : data.texts.before)
      .replaceAll("{count}", comparison.count).replaceAll("{unit}", unit);
  }

  function writeFigures(prefix, { dataset, first, last }, who, comparison) {
    const table = data.by_class;
    const sumsOf = (from, to) => {
      const rows = [...rowsOf(table, { dataset, who, first: from, last: to })];
      const total = (name) => sum(rows.map((row) => table[name][row]));
      const sums = Object.fromEntries(Object.keys(table).map((name) => [name, total(name)]));
      return { ...sums, days: daysOf(from, to).counted };
    };
    const span = sumsOf(first, last);
    const now = comparison && sumsOf(...comparison.now);
    const then = comparison && sumsOf(...comparison.then);
    for (const { id, column, write: writer, per, is_ratio: isRatio } of data.measures) {
      const ratio = (sums) => (sums[per] ? sums[column] / sums[per] : 0);
      write(`[data-figure="${prefix}.${id}"]`, writers[writer](isRatio ? ratio(span) : span[column]));
      const before = then ? ratio(then) : 0;
      const text = change(before > 0 ? ratio(now) / before - 1 : null);
      const isBetter = id === "errors" ? "−" : "+";
      for (const place of all(`[data-change="${prefix}.${id}"]`)) {
        place.textContent = text;
        place.classList.toggle("up", text[0] === isBetter);
        place.classList.toggle("down", "+−".includes(text[0]) && text[0] !== isBetter);
      }
    }
  }

  function headline(choice) {
    const comparison = comparisonOf(choice);
    write("#compared", comparisonText(comparison));
    writeFigures("all", choice, choice.who, comparison);
    for (const card of all("[data-card]")) {
      const index = classes.indexOf(card.dataset.card);
      writeFigures(card.dataset.card, choice, index, comparison);
      card.hidden = !isShown(choice, index);
    }
    const { dataset, agent_class: agentClass } = data.reach;
    const row = dataset.findIndex((value, index) =>
      value === choice.dataset && agentClass[index] === whoOrAll(choice));
    for (const name of ["organizations", "countries"]) {
      write(`[data-figure="all.${name}"]`, number(row < 0 ? 0 : data.reach[name][row]));
    }
    const { days, counted } = daysOf(choice.first, choice.last);
    write('[data-figure="all.days"]', `${number(counted)} of ${number(days)}`);
  }

  // Tables that cannot be added up over classes have rows for all of them.
  const whoOrAll = ({ who }) => (who === ANY ? classes.length : who);

  function write(selector, text) {
    for (const place of all(selector)) place.textContent = text;
  }

  function writeTable(id, lines) {
    const table = document.querySelector(`[data-table="${id}"]`);
    if (!table) return;
    const heads = table.tHead.rows[0].cells;
    const body = document.createElement("tbody");
    for (const line of lines) {
      const row = body.insertRow();
      line.forEach((text, column) => {
        const cell = document.createElement(column ? "td" : "th");
        if (!column) cell.scope = "row";
        if (heads[column].classList.contains("number")) cell.className = "number";
        cell.textContent = text;
        row.append(cell);
      });
    }
    if (!lines.length) {
      const cell = body.insertRow().insertCell();
      cell.colSpan = heads.length;
      cell.textContent = data.texts.empty;
    }
    table.tBodies[0].replaceWith(body);
  }

  // The charts.
  function tip(handler, event, item, value) {
    const box = element("tip");
    box.hidden = value === null || value === undefined || value === "";
    if (box.hidden) return;
    box.replaceChildren(...Object.entries(value).map(([name, text]) => {
      const line = document.createElement("p");
      line.textContent = `${name}: ${text}`;
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

  async function draw(place, rows, summary) {
    const isEmpty = rows.length === 0;
    place.hidden = isEmpty;
    place.nextElementSibling.hidden = !isEmpty;
    if (isEmpty) return;
    place.setAttribute("aria-label", `${place.dataset.title}. ${summary} ${data.texts.see_table}`);
    const { kind } = place.dataset;
    const height = kind === "ranked" ? BAR * new Set(rows.map((row) => row.label)).size
      : kind === "world" ? Math.round(place.clientWidth * 0.46) : null;
    const ticks = rows[0].start && ticksOf(rows, place.clientWidth);
    const known = views.get(place);
    if (known) {
      known.data("rows", rows);
      if (ticks) known.signal("ticks", ticks);
      if (kind === "ranked") known.height(height);
      await known.resize().runAsync();
      return;
    }
    const document_ = structuredClone(documents[kind]);
    document_.datasets = { ...document_.datasets, rows };
    document_.config.axisY.labelLimit = Math.round(place.clientWidth * 0.55);
    document_.height = height ?? document_.height;
    if (ticks) document_.params = [{ name: "ticks", value: ticks }];
    const inside = document.createElement("div");
    inside.ariaHidden = "true"; // the label and the table say the same
    place.append(inside);
    const { view } = await vegaEmbed(inside, document_, {
      mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
      hover: false, tooltip: tip,
    });
    views.set(place, view);
  }

  // Vega looks names up in objects, which have properties such as "constructor".
  const safely = (name) => (name in Object.prototype ? `${name}\u00a0` : name);

  function bars(entries) {
    // Two organisations of the same name are two bars.
    const times = new Map();
    for (const { name } of entries) times.set(name[0], (times.get(name[0]) ?? 0) + 1);
    return entries.filter((entry) => !isRest(entry)).slice(0, data.bars).flatMap(({ name, by }) => {
      const label = times.get(name[0]) > 1 && name[1] ? `${name[0]} (${name[1]})` : name[0];
      return by.map((value, order) => ({ label: safely(label), agent_class: classNames[order], order, value }))
        .filter((row) => row.value > 0);
    });
  }

  const countries = (entries) => entries.map(({ name: [label, code], total }) =>
    ({ code: safely(code), label, value: total }));

  async function showListings(choice) {
    for (const listing of data.listings) {
      const found = ranked(listing, choice);
      writeTable(listing.id, listingTable(found, data.facts[listing.ranking].columns));
      const place = chartAt(listing.id);
      if (!place) continue;
      const rows = listing.chart === "world" ? countries(found.entries) : bars(found.entries);
      const largest = found.entries.slice(0, 3).map(({ name, total }) => `${name[0]}: ${number(total)}`);
      await draw(place, rows, `${largest.join("; ")}.`);
    }
  }

  async function showTime(choice) {
    const lines = overTime(data.by_class, data.periods, choice);
    writeTable("periods", timeTable(lines));
    for (const panel of all("[data-panel]")) {
      const index = classes.indexOf(panel.dataset.panel);
      panel.hidden = !isShown(choice, index);
      if (panel.hidden) continue;
      const rows = lines.map(({ by, byCounted, ...line }) =>
        ({ ...line, requests: by[index], counted: byCounted[index] }));
      const total = sum(rows.map((row) => row.requests));
      await draw(panel.querySelector("[data-chart]"), total ? rows : [], `${number(total)} requests.`);
    }
    const [from, to] = [data.periods[choice.first][0], data.periods[choice.last][1]];
    const weeks = overTime(data.by_week, data.weeks, {
      ...choice,
      first: data.weeks.findIndex((week) => week[1] > from),
      last: data.weeks.findLastIndex((week) => week[0] < to),
    });
    writeTable("weeks", timeTable(weeks));
    const rows = weeks.flatMap(({ start, stop, label, by }) => by.map((value, order) =>
      ({ start, stop, label, agent_class: classNames[order], order, value })));
    const any = rows.some((row) => row.value > 0);
    await draw(chartAt("per_week"), any ? rows : [], `${weeks.length} weeks.`);
  }

  async function showLoyalty(choice) {
    const table = data.loyalty;
    const lines = [...rowsOf(table, { ...choice, who: whoOrAll(choice) })].map((row) => {
      const [start, stop, label] = data.periods[table.period[row]];
      const [fresh, returning] = [table.new[row], table.returning[row]];
      return { start, stop, label, fresh, returning, isFirst: table.is_first[row] === 1 };
    });
    lines.sort((a, b) => (a.start < b.start ? -1 : 1));
    writeTable("loyalty", lines.map(({ label, fresh, returning, isFirst }) => {
      const total = fresh + returning;
      const split = [number(fresh), number(returning), percent(returning / Math.max(1, total))];
      return [label, number(total), ...(isFirst ? ["–", "–", "–"] : split)];
    }));
    const rows = lines.filter((line) => !line.isFirst).flatMap(({ start, stop, label, fresh, returning }) => [
      { start, stop, label, kind: "Returning", order: 0, value: returning },
      { start, stop, label, kind: "New", order: 1, value: fresh },
    ]);
    await draw(chartAt("loyalty"), rows, `${lines.length} periods.`);
  }

  // One after the other: a chart is not drawn twice at once. Of many, the last counts.
  let latest = 0;
  let queue = Promise.resolve();
  function show() {
    const mine = (latest += 1);
    const choice = chosen();
    headline(choice);
    const [from, to] = [data.periods[choice.first], data.periods[choice.last]];
    const span = from === to ? from[2] : `${from[2]} to ${to[2]}`;
    const name = (id) => element(id).selectedOptions[0].textContent.trim();
    element("chosen").textContent = mine === 1 ? "" : `${name("dataset")} · ${name("who")} · ${span}`;
    queue = queue.then(async () => {
      for (const step of [showTime, showListings, showLoyalty]) {
        if (mine === latest) await step(choice);
      }
      if (mine === latest) document.documentElement.dataset.shown = String(mine);
    });
  }

  const filter = element("filter");
  filter.hidden = false;
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("change", show);
  filter.addEventListener("reset", () => setTimeout(show));
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const box of opened) box.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const box of opened) box.open = false;
  });
  show();
})();
