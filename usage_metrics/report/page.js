/* Adds up the figures for what is chosen, and draws them. What stands in the tables
   when the page is opened was written by payload.py's siblings from the same figures. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const documents = JSON.parse(document.getElementById("documents").textContent);
  const { classes, class_names: classNames, datasets } = data;
  const COLUMNS = ["human", "machine", "robot"].map((name) => classes.indexOf(name));
  const NOT_COUNTED = ["robot", "internal"];
  const BAR = 24;
  const SIZES = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  const element = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const views = new Map();

  // How numbers are written: as in wording.py.
  const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const places = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percent = (share) => `${places(100 * share, 1)} %`;
  const size = (bytes) => {
    let step = 0;
    while (bytes >= 1000 && step < SIZES.length - 1) { bytes /= 1000; step += 1; }
    return `${places(bytes, step ? 1 : 0)} ${SIZES[step]}`;
  };
  const change = (ratio) => {
    if (ratio === null) return "–";
    if (Math.abs(ratio) >= 10) return `× ${number(ratio + 1)}`;
    const points = places(Math.abs(100 * ratio), 0);
    const sign = points === "0" ? "±" : ratio > 0 ? "+" : "−";
    return `${sign}${points} %`;
  };

  // What is chosen.
  function chosen() {
    const dataset = element("dataset").value;
    const who = element("who").value;
    const own = NOT_COUNTED.includes(who);
    element("measure").disabled = own;
    const measure = own ? "requests" : element("measure").value;
    const periods = data.periods;
    let first = periods.findIndex((period) => period[1] > element("from").value);
    let last = periods.findLastIndex((period) => period[0] <= element("to").value);
    first = first < 0 ? periods.length - 1 : Math.max(first, data.before);
    last = Math.max(last, first);
    return {
      dataset: datasets.indexOf(dataset), who: classes.indexOf(who), measure, first, last,
      isWhole: first === data.before && last === periods.length - 1,
    };
  }

  // As payload.py packs them: name, dataset, class and number of the rows of each series.
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
  function* rowsOf(table, choice, { first, last } = choice) {
    const { period, dataset, agent_class: agentClass } = table;
    for (let row = 0; row < period.length; row += 1) {
      if (period[row] < first || period[row] > last) continue;
      if (choice.dataset !== 0 ? dataset[row] !== choice.dataset : false) continue;
      if (choice.who >= 0 && agentClass[row] !== choice.who) continue;
      yield row;
    }
  }

  function ranked(listing, choice) {
    const { names, rows } = data.facts[listing.ranking];
    const counts = rows[choice.measure];
    const found = names.map((name, index) => ({ name, index, by: classes.map(() => 0), total: 0 }));
    let total = 0;
    for (const row of rowsOf(rows, choice)) {
      const entry = found[rows.name[row]];
      entry.by[rows.agent_class[row]] += counts[row];
      entry.total += counts[row];
      total += counts[row];
    }
    const among = Object.entries(listing.among);
    const kept = found.filter((entry) => entry.total > 0
      && (entry.name[0] === data.others ? among.length === 0
        : among.every(([column, values]) => values.includes(entry.name[column]))));
    const isRest = (entry) => entry.name[0] === data.others;
    kept.sort((a, b) => isRest(a) - isRest(b) || b.total - a.total || a.index - b.index);
    return { entries: kept, total, isRest };
  }

  function tableOf({ entries, total, isRest }, columns) {
    const shown = entries.filter((entry) => !isRest(entry)).slice(0, data.lines);
    const rest = entries.filter((entry) => !shown.includes(entry));
    const line = (name, those) => {
      const by = classes.map((_, index) => those.reduce((sum, entry) => sum + entry.by[index], 0));
      const sum = those.reduce((so_far, entry) => so_far + entry.total, 0);
      return [...name, number(sum), percent(sum / Math.max(1, total)), ...spread(by)];
    };
    const lines = shown.map((entry) => line(entry.name, [entry]));
    if (rest.length) lines.push(line([data.others, ...Array(columns - 1).fill("")], rest));
    return lines;
  }

  // Three classes have columns of their own, and the others one together.
  function spread(by) {
    const others = by.reduce((sum, count, index) => sum + (COLUMNS.includes(index) ? 0 : count), 0);
    return [...COLUMNS.map((index) => by[index]), others].map(number);
  }

  function overTime(table, periods, choice, range) {
    const lines = periods.map(([start, stop, label, , counted]) => ({
      start, stop, label, missing: counted === 0, requests: 0, counted: 0,
      by: classes.map(() => 0), byCounted: classes.map(() => 0),
    }));
    for (const row of rowsOf(table, choice, range)) {
      // The rows of all datasets together would count everything twice.
      if (choice.dataset === 0 && table.dataset[row] !== 0) continue;
      const line = lines[table.period[row]];
      line.requests += table.requests[row];
      line.counted += table.counted[row];
      line.by[table.agent_class[row]] += table.requests[row];
      line.byCounted[table.agent_class[row]] += table.counted[row];
    }
    return lines.slice(range.first, range.last + 1);
  }

  const timeTable = (lines) => lines.map((line) =>
    [line.label, ...spread(line.by), number(line.requests), number(line.counted)]);

  // Whom nobody asks for is shown when chosen.
  const isShown = ({ who }, index) => (who < 0 ? COLUMNS.includes(index) : who === index);

  // The headline figures and how they changed.
  function compared(choice) {
    const length = choice.last - choice.first + 1;
    const days = (first, last) => data.periods.slice(first, last + 1)
      .reduce(([of, counted], period) => [of + period[3], counted + period[4]], [0, 0]);
    const pair = choice.first >= length
      ? { now: [choice.first, choice.last], then: [choice.first - length, choice.first - 1] }
      : { now: [choice.last - Math.floor(length / 2) + 1, choice.last],
          then: [choice.last - 2 * Math.floor(length / 2) + 1, choice.last - Math.floor(length / 2)] };
    if (pair.now[1] < pair.now[0]) return null;
    const [[, nowDays], [thenOf, thenDays]] = [days(...pair.now), days(...pair.then)];
    if (nowDays === 0 || 2 * thenDays < thenOf) return null;
    const count = pair.now[1] - pair.now[0] + 1;
    return { ...pair, nowDays, thenDays, isHalf: choice.first < length, count };
  }

  function comparedText(comparison) {
    if (comparison === null) return data.texts.nothing_to_compare;
    const unit = comparison.count === 1 ? data.unit : `${data.unit}s`;
    return (comparison.isHalf ? data.texts.halves : data.texts.before)
      .replaceAll("{count}", comparison.count).replaceAll("{unit}", unit);
  }

  function figuresOf(choice, agentClass, [first, last]) {
    const sums = { requests: 0, counted: 0, unique_sessions: 0, visitor_days: 0, bytes: 0, errors: 0, days: 0 };
    const table = data.by_class;
    for (let row = 0; row < table.period.length; row += 1) {
      if (table.period[row] < first || table.period[row] > last) continue;
      if (table.dataset[row] !== choice.dataset) continue;
      if (agentClass >= 0 && table.agent_class[row] !== agentClass) continue;
      for (const name of Object.keys(sums)) if (name !== "days") sums[name] += table[name][row];
    }
    for (const period of data.periods.slice(first, last + 1)) sums.days += period[4];
    return sums;
  }

  const perDay = (sums, name) => (sums.days ? sums[name] / sums.days : 0);
  const errorShare = (sums) => sums.errors / Math.max(1, sums.requests);
  const FIGURES = {
    requests: [(sums) => number(sums.requests), (sums) => perDay(sums, "requests")],
    counted: [(sums) => number(sums.counted), (sums) => perDay(sums, "counted")],
    sessions: [(sums) => number(sums.unique_sessions), (sums) => perDay(sums, "unique_sessions")],
    visitors: [(sums) => places(perDay(sums, "visitor_days"), 1), (sums) => perDay(sums, "visitor_days")],
    bytes: [(sums) => size(sums.bytes), (sums) => perDay(sums, "bytes")],
    errors: [(sums) => percent(errorShare(sums)), errorShare],
  };

  function writeFigures(prefix, choice, agentClass, comparison) {
    const sums = figuresOf(choice, agentClass, [choice.first, choice.last]);
    const now = comparison && figuresOf(choice, agentClass, comparison.now);
    const then = comparison && figuresOf(choice, agentClass, comparison.then);
    for (const [name, [written, compare]] of Object.entries(FIGURES)) {
      write(`[data-figure="${prefix}.${name}"]`, written(sums));
      const before = then ? compare(then) : 0;
      const ratio = before > 0 ? compare(now) / before - 1 : null;
      write(`[data-change="${prefix}.${name}"]`, change(ratio));
      for (const place of all(`[data-change="${prefix}.${name}"]`)) colour(place);
    }
  }

  function colour(place) {
    const isErrors = place.dataset.change.endsWith(".errors");
    const sign = place.textContent[0];
    place.classList.toggle("up", sign === (isErrors ? "−" : "+"));
    place.classList.toggle("down", sign === (isErrors ? "+" : "−"));
  }

  function headline(choice) {
    const comparison = compared(choice);
    write("#compared", comparedText(comparison));
    writeFigures("all", choice, choice.who, comparison);
    classes.forEach((name, index) => {
      if (!document.querySelector(`[data-card="${name}"]`)) return;
      writeFigures(name, choice, index, comparison);
    });
    for (const card of all("[data-card]")) {
      card.hidden = !isShown(choice, classes.indexOf(card.dataset.card));
    }
    const who = choice.who < 0 ? classes.length : choice.who;
    const { dataset, agent_class: agentClass } = data.reach;
    const row = dataset.findIndex((value, index) => value === choice.dataset && agentClass[index] === who);
    for (const name of ["organizations", "countries"]) {
      write(`[data-figure="all.${name}"]`, number(row < 0 ? 0 : data.reach[name][row]));
    }
    const [of, counted] = data.periods.slice(choice.first, choice.last + 1)
      .reduce(([days, there], period) => [days + period[3], there + period[4]], [0, 0]);
    write('[data-figure="all.days"]', `${number(counted)} of ${number(of)}`);
  }

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

  async function draw(place, rows, summary) {
    const isEmpty = rows.length === 0;
    place.hidden = isEmpty;
    place.nextElementSibling.hidden = !isEmpty;
    if (isEmpty) return;
    place.setAttribute("aria-label", `${place.dataset.title}. ${summary} ${data.texts.see_table}`);
    const known = views.get(place);
    if (known) {
      known.data("rows", rows);
      if (place.dataset.kind === "ranked") known.height(heightOf(rows));
      await known.resize().runAsync();
      return;
    }
    const document_ = structuredClone(documents[place.dataset.kind]);
    document_.datasets = { ...document_.datasets, rows };
    const narrow = place.clientWidth < 480;
    document_.config.axisY = { labelLimit: narrow ? 130 : 240 };
    if (place.dataset.kind === "ranked") document_.height = heightOf(rows);
    if (place.dataset.kind === "world") document_.height = Math.round(place.clientWidth * 0.46);
    const inside = document.createElement("div");
    inside.ariaHidden = "true"; // the label says it, and the table
    place.append(inside);
    const { view } = await vegaEmbed(inside, document_, {
      mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
      hover: false, tooltip: tip,
    });
    views.set(place, view);
  }

  const heightOf = (rows) => BAR * new Set(rows.map((row) => row.label)).size;

  const largest = (entries) => entries.slice(0, 3)
    .map((entry) => `${entry.name[0]}: ${number(entry.total)}`).join("; ");

  // Vega looks names up in objects, which have some of their own, such as "constructor".
  const safely = (name) => (name in Object.prototype ? `${name}\u00a0` : name);

  function bars(entries, isRest, most) {
    return entries.filter((entry) => !isRest(entry)).slice(0, most).flatMap((entry) =>
      entry.by.map((value, order) => ({
        label: safely(entry.label ?? entry.name[0]), agent_class: classNames[order], order, value,
      })).filter((row) => row.value > 0));
  }

  const countries = (entries) => entries.map((entry) =>
    ({ code: safely(entry.name[1]), label: entry.name[0], value: entry.total }));

  // Two organisations of one name are two bars.
  function told(entries) {
    const times = new Map();
    for (const { name } of entries) times.set(name[0], (times.get(name[0]) ?? 0) + 1);
    return entries.map((entry) => (times.get(entry.name[0]) > 1 && entry.name[1]
      ? { ...entry, label: `${entry.name[0]} (${entry.name[1]})` } : entry));
  }

  async function showListings(choice) {
    for (const listing of data.listings) {
      const found = ranked(listing, choice);
      const columns = data.facts[listing.ranking].columns;
      writeTable(listing.id, tableOf(found, columns));
      const place = document.querySelector(`[data-chart="${listing.id}"]`);
      if (!place) continue;
      const rows = listing.chart === "world" ? countries(found.entries)
        : bars(told(found.entries), found.isRest, listing.bars);
      await draw(place, rows, `${largest(found.entries)}.`);
    }
  }

  async function showTime(choice) {
    const lines = overTime(data.by_class, data.periods, choice, choice);
    writeTable("periods", timeTable(lines));
    for (const panel of all("[data-panel]")) {
      const index = classes.indexOf(panel.dataset.panel);
      panel.hidden = !isShown(choice, index);
      if (panel.hidden) continue;
      const rows = lines.map(({ start, stop, label, missing, by, byCounted }) =>
        ({ start, stop, label, missing, requests: by[index], counted: byCounted[index] }));
      const sum = rows.reduce((so_far, row) => so_far + row.requests, 0);
      await draw(panel.querySelector("[data-chart]"), sum ? rows : [], `${number(sum)} requests.`);
    }
    const [from, to] = [data.periods[choice.first][0], data.periods[choice.last][1]];
    const range = {
      first: data.weeks.findIndex((week) => week[1] > from),
      last: data.weeks.findLastIndex((week) => week[0] < to),
    };
    const weeks = overTime(data.by_week, data.weeks, choice, range);
    writeTable("weeks", timeTable(weeks));
    const rows = weeks.flatMap(({ start, stop, label, by }) => by.map((value, order) =>
      ({ start, stop, label, agent_class: classNames[order], order, value })));
    const any = rows.some((row) => row.value > 0);
    await draw(document.querySelector('[data-chart="per_week"]'), any ? rows : [], `${weeks.length} weeks.`);
  }

  async function showLoyalty(choice) {
    const table = data.loyalty;
    const who = choice.who < 0 ? classes.length : choice.who;
    const lines = [];
    for (let row = 0; row < table.period.length; row += 1) {
      const period = table.period[row];
      if (table.dataset[row] !== choice.dataset || table.agent_class[row] !== who) continue;
      if (period < choice.first || period > choice.last) continue;
      const [start, stop, label] = data.periods[period];
      const [fresh, returning] = [table.new[row], table.returning[row]];
      lines.push({ start, stop, label, fresh, returning, isFirst: table.is_first[row] === 1 });
    }
    lines.sort((a, b) => (a.start < b.start ? -1 : 1));
    writeTable("loyalty", lines.map(({ label, fresh, returning, isFirst }) => [
      label, number(fresh + returning), isFirst ? "–" : number(fresh), isFirst ? "–" : number(returning),
      isFirst ? "–" : percent(returning / Math.max(1, fresh + returning)),
    ]));
    const rows = lines.filter((line) => !line.isFirst).flatMap(({ start, stop, label, fresh, returning }) => [
      { start, stop, label, kind: "Returning", order: 0, value: returning },
      { start, stop, label, kind: "New", order: 1, value: fresh },
    ]);
    await draw(document.querySelector('[data-chart="loyalty"]'), rows, `${lines.length} periods.`);
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
    const isFirst = mine === 1;
    element("chosen").textContent = isFirst ? "" : `${name("dataset")} · ${name("who")} · ${span}`;
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
