/* Adds up the figures that the filter selects, and draws them. static_tables.py writes
   what the tables hold when the page is opened, from the same figures. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const documents = JSON.parse(document.getElementById("documents").textContent);
  const { classes, class_names: classNames, texts } = data;
  const DAY = 86_400_000;
  const ANY = -1;
  const BAR = 24;
  const SIZES = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  const element = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const chartAt = (id) => document.querySelector(`[data-chart="${id}"]`);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const views = new Map();
  const keysOf = new Map();
  let noun;

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

  // What the filter selects; "who" is ANY for everybody.
  let wanted = "counted";
  function chosen() {
    const who = element("who").value;
    const measure = element("measure");
    measure.disabled = data.never_counted.includes(who);
    measure.value = measure.disabled ? "requests" : wanted;
    return {
      dataset: data.datasets.indexOf(element("dataset").value),
      who: classes.indexOf(who), measure: measure.value, noun: data.nouns[measure.value],
      ...chosenDays(),
    };
  }

  // The periods that hold the chosen days, and what there is to say about these.
  function chosenDays() {
    const { periods, before } = data;
    const [from, to] = [element("from"), element("to")];
    const within = ({ value, min, max }, otherwise) =>
      !value ? otherwise : value < min ? min : value > max ? max : value;
    const asked = [within(from, from.min), within(to, to.max)];
    const [start, end] = [...asked].sort();
    const first = Math.max(before, periods.findIndex((period) => period[1] > start));
    const last = periods.findLastIndex((period) => period[0] <= end);
    const shown = [periods[first][0], shifted(periods[last][1], -1)];
    const notes = [];
    if (asked[0] > asked[1]) notes.push(texts.swapped);
    if (asked[0] !== from.value || asked[1] !== to.value) notes.push(texts.outside);
    if (shown[0] !== start || shown[1] !== end) notes.push(filled(texts.whole, data));
    const areAll = first === before && last === periods.length - 1;
    return { first, last, span: days(...shown), notes, areAll };
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

  // Columns that are zero in every line are left out.
  const notZero = (lines) =>
    Object.keys(lines[0] ?? []).filter((column) => lines.some((line) => line[column]));

  function listingTable(listing, { entries, total }, { noun }) {
    const added = (those) => classes.map((_, index) => sum(those.map((entry) => entry.by[index])));
    const shown = entries.filter((entry) => !isRest(entry)).slice(0, data.lines);
    const lines = shown.map((entry) => [entry.name, entry.by]);
    // The rest is sorted to the end.
    const rest = entries.slice(shown.length);
    if (rest.length) lines.push([[data.others], added(rest)]);
    const columns = notZero(lines.map(([, by]) => by));
    return {
      heads: [data.facts[listing.ranking].columns, capital(noun), filled(texts.share, { noun }),
        ...columns.map((column) => classNames[column])],
      lines: lines.map(([name, by]) => [name, number(sum(by)), percent(sum(by) / Math.max(1, total)),
        ...columns.map((column) => number(by[column]))]),
    };
  }

  function overTime(table, choice) {
    const lines = data.periods.map(([start, stop, label, length, counted]) => ({
      start, stop, label, length, counted,
      by: classes.map(() => 0), byCounted: classes.map(() => 0),
    }));
    for (const row of rowsOf(table, choice)) {
      const line = lines[table.period[row]];
      line.by[table.agent_class[row]] += table.requests[row];
      line.byCounted[table.agent_class[row]] += table.counted[row];
    }
    return lines.slice(choice.first, choice.last + 1);
  }

  // Days are put together in weeks; longer periods stay as they are.
  function inWeeks(lines) {
    if (data.unit !== "day") return lines;
    const weeks = new Map();
    for (const line of lines) {
      const monday = shifted(line.start, -((new Date(line.start).getUTCDay() + 6) % 7));
      weeks.set(monday, [...(weeks.get(monday) ?? []), line]);
    }
    const added = (those, name) => classes.map((_, index) => sum(those.map((day) => day[name][index])));
    return [...weeks.values()].map((those) => {
      const [start, { stop }] = [those[0].start, those.at(-1)];
      const counted = sum(those.map((day) => day.counted));
      const label = days(start, shifted(stop, -1)) + (counted === those.length ? ""
        : counted ? ` (${counted} of ${those.length} days)` : " (no data)");
      return { start, stop, label, length: those.length, counted, by: added(those, "by"), byCounted: added(those, "byCounted") };
    });
  }

  function timeTable(lines) {
    const numbers = lines.map(({ by, byCounted }) => [sum(by), sum(byCounted), ...by]);
    const heads = [capital(data.nouns.requests), capital(data.nouns.counted), ...classNames];
    const columns = [...new Set(["0", ...notZero(numbers)])];
    return {
      heads: ["Period", ...columns.map((column) => heads[column])],
      lines: lines.map(({ label, counted }, line) =>
        [label, ...columns.map((column) => (counted ? number(numbers[line][column]) : data.none))]),
    };
  }

  // A class without a card of its own is shown only when chosen.
  const isShown = ({ who }, index) => (who === ANY ? data.main.includes(index) : who === index);

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
    if (comparison === null) return texts.nothing_to_compare;
    const unit = comparison.count === 1 ? data.unit : `${data.unit}s`;
    const text = filled(comparison.isHalf ? texts.halves : texts.before, { ...comparison, unit });
    const { days, counted } = daysOf(comparison.then[0], comparison.now[1]);
    return counted === days ? text : `${text} ${filled(texts.there, { days, counted })}`;
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
    // More requests of robots, which are in the total too, are neither good nor bad.
    const isUse = (id) => (prefix === "all" ? id === "counted" : !data.never_counted.includes(prefix));
    for (const { id, column, write: writer, per, is_ratio: isRatio, better } of data.measures) {
      const ratio = (sums) => (sums[per] ? sums[column] / sums[per] : 0);
      const isKnown = span.days > 0 && (!isRatio || span[per] > 0);
      write(`[data-figure="${prefix}.${id}"]`,
        isKnown ? writers[writer](isRatio ? ratio(span) : span[column]) : data.none);
      const before = then ? ratio(then) : 0;
      const text = change(before > 0 ? ratio(now) / before - 1 : null);
      const isJudged = isUse(id) && "+−".includes(text[0]);
      for (const place of all(`[data-change="${prefix}.${id}"]`)) {
        place.textContent = text;
        place.classList.toggle("up", isJudged && text[0] === better);
        place.classList.toggle("down", isJudged && text[0] !== better);
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
      write(`[data-figure="all.${name}"]`, number(row < 0 ? 0 : data.reach[`${name}_${choice.measure}`][row]));
    }
    write("[data-note]", filled(choice.areAll ? texts.reach : texts.reach_of_all_days, choice));
    write("[data-noun]", `by ${choice.noun}`);
    const { days, counted } = daysOf(choice.first, choice.last);
    write('[data-figure="all.days"]', `${number(counted)} of ${number(days)}`);
  }

  // Tables that cannot be added up over classes have rows for all of them.
  const whoOrAll = ({ who }) => (who === ANY ? classes.length : who);

  function write(selector, text) {
    for (const place of all(selector)) place.textContent = text;
  }

  // A name is a text, or a list of it and what is said below it.
  function cell(content, className, scope) {
    const made = document.createElement(scope ? "th" : "td");
    const [text, ...more] = [content].flat();
    made.className = className;
    if (scope) made.scope = scope;
    made.textContent = text;
    const below = more.filter(Boolean).join(" · ");
    if (below) {
      const small = document.createElement("small");
      small.textContent = below;
      made.append(" ", small);
    }
    return made;
  }

  function writeTable(id, { heads, lines }) {
    const table = document.querySelector(`[data-table="${id}"]`);
    if (!table) return;
    const row = ([name, ...numbers], scope, otherScope) => {
      const made = document.createElement("tr");
      made.append(cell(name, "", scope), ...numbers.map((text) => cell(text, "number", otherScope)));
      return made;
    };
    table.tHead.replaceChildren(row(heads, "col", "col"));
    table.tBodies[0].replaceChildren(...lines.map((line) => row(line, "row")));
  }

  // The charts.
  function tip(handler, event, item, value) {
    const box = element("tip");
    box.hidden = value === null || value === undefined || value === "";
    if (box.hidden) return;
    box.replaceChildren(...Object.entries(value).map(([name, text]) => {
      const line = document.createElement("p");
      line.textContent = `${name === "Count" ? capital(noun) : name}: ${text}`;
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

  const classesIn = (rows) => rows.filter((row) => row.value > 0).map((row) => classes[row.order]);

  async function showListings(choice) {
    for (const listing of data.listings) {
      const found = ranked(listing, choice);
      writeTable(listing.id, listingTable(listing, found, choice));
      const figure = element(listing.id);
      const place = chartAt(listing.id);
      if (!place) {
        figure.classList.toggle("bare", found.entries.length === 0);
        continue;
      }
      const isMap = listing.chart === "world";
      const rows = isMap ? countries(found.entries) : bars(found.entries);
      const keys = isMap ? rows.map(({ value }) => data.shades.findLast(([, least]) => value >= least)[0])
        : classesIn(rows);
      const largest = found.entries.slice(0, 3).map(({ name, total }) => `${name[0]}: ${number(total)}`);
      await draw(place, rows, { keys, summary: `${capital(choice.noun)}: ${largest.join("; ")}.` });
    }
  }

  async function showTime(choice) {
    const lines = overTime(data.by_class, choice)
      .map((line) => ({ ...line, missing: line.counted === 0 }));
    const missing = lines.some((line) => line.missing) ? ["missing"] : [];
    writeTable("periods", timeTable(lines));
    for (const panel of all("[data-panel]")) {
      const index = classes.indexOf(panel.dataset.panel);
      panel.hidden = !isShown(choice, index);
      if (panel.hidden) continue;
      const rows = lines.map(({ by, byCounted, ...line }) =>
        ({ ...line, requests: by[index], counted: byCounted[index] }));
      const total = sum(rows.map((row) => row.requests));
      await draw(panel.querySelector("[data-chart]"), total ? rows : [],
        { keys: missing, summary: `${number(total)} requests.` });
    }
    const weeks = inWeeks(lines);
    writeTable("weeks", timeTable(weeks));
    const incomplete = weeks.filter(({ length, counted }) => counted && counted < length).map(({ label }) => label);
    const more = incomplete.length > data.lines ? ` + ${incomplete.length - data.lines}` : "";
    write("#incomplete", incomplete.length
      ? filled(texts.incomplete, { periods: incomplete.slice(0, data.lines).join("; ") + more }) : "");
    const rows = weeks.flatMap(({ start, stop, label, counted, by }) => by.map((value, order) =>
      ({ start, stop, label, missing: counted === 0, agent_class: classNames[order], order, value })));
    const keys = classesIn(rows);
    await draw(chartAt("per_week"), keys.length ? rows : [], { keys, summary: `${weeks.length} periods.` });
  }

  async function showLoyalty(choice) {
    const table = data.loyalty;
    const known = new Map([...rowsOf(table, { ...choice, who: whoOrAll(choice) })]
      .map((row) => [table.period[row], row]));
    const lines = data.periods.map(([start, stop, label, , counted], period) => {
      const row = known.get(period);
      const [fresh, returning] = row === undefined ? [0, 0] : [table.new[row], table.returning[row]];
      return { start, stop, label, counted, fresh, returning, isFirst: table.is_first[row] === 1 };
    }).slice(choice.first, choice.last + 1);
    writeTable("loyalty", {
      heads: data.loyalty_heads,
      lines: lines.map(({ label, counted, fresh, returning, isFirst }) => {
        const total = fresh + returning;
        const split = [number(fresh), number(returning), percent(returning / Math.max(1, total))];
        return [label, counted ? number(total) : data.none,
          ...(isFirst || !total ? split.map(() => data.none) : split)];
      }),
    });
    const drawn = lines.filter((line) => !line.isFirst);
    const rows = drawn.flatMap(({ start, stop, label, counted, fresh, returning }) => [
      { kind: "Returning", order: 0, value: returning, key: "more" },
      { kind: "New", order: 1, value: fresh, key: "some" },
    ].map((row) => ({ ...row, start, stop, label, missing: counted === 0 })));
    const keys = rows.filter((row) => row.value || row.missing).map((row) => (row.missing ? "missing" : row.key));
    await draw(chartAt("loyalty"), known.size ? rows : [],
      { keys, isEmpty: known.size === 0, summary: `${drawn.length} periods.` });
  }

  // A legend has what is in the charts beside it.
  async function showLegends() {
    for (const legend of all(".legend")) {
      const charts = legend.parentElement.querySelectorAll("figure:not([hidden]) [data-chart]");
      const keys = new Set([...charts].flatMap((chart) => keysOf.get(chart) ?? []));
      for (const entry of legend.children) entry.hidden = !keys.has(entry.dataset.key);
    }
  }

  // One after the other: a chart is not drawn twice at once. Of many, the last counts.
  let latest = 0;
  let queue = Promise.resolve();
  function show() {
    const mine = (latest += 1);
    const choice = chosen();
    headline(choice);
    noun = choice.noun;
    const name = (id) => element(id).selectedOptions[0].textContent.trim();
    const isWhole = choice.areAll && choice.who === ANY && choice.dataset === 0;
    element("unfiltered").hidden = isWhole;
    const said = [`${name("dataset")} · ${name("who")} · ${choice.span}.`, ...choice.notes];
    element("chosen").textContent = mine === 1 && isWhole ? "" : said.join(" ");
    queue = queue.then(async () => {
      for (const step of [showTime, showListings, showLoyalty, showLegends]) {
        if (mine === latest) await step(choice);
      }
      if (mine === latest) document.documentElement.dataset.shown = String(mine);
    });
  }

  // The address says what is chosen, so a link shows what its sender saw. That of a
  // section, which has no "=", leaves the choice as it is.
  const filter = element("filter");
  const fields = [...filter.querySelectorAll("select, input")];
  const usual = (field) => field.defaultValue ?? field.options[0].value;
  function toAddress() {
    const said = new URLSearchParams();
    for (const field of fields) {
      const value = field.id === "measure" ? wanted : field.value;
      if (value !== usual(field)) said.set(field.id, value);
    }
    history.pushState(null, "", `#${said}`);
  }
  function fromAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      field.value = said.get(field.id) ?? usual(field);
      if (field.selectedIndex === -1) field.value = usual(field);
    }
    wanted = element("measure").value;
  }
  const isChoice = () => location.hash.length < 2 || location.hash.includes("=");
  window.addEventListener("popstate", () => {
    if (!isChoice()) return;
    fromAddress();
    show();
  });

  filter.hidden = false;
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("change", () => {
    if (!element("measure").disabled) wanted = element("measure").value;
    toAddress();
    show();
  });
  filter.addEventListener("reset", () => {
    wanted = "counted";
    setTimeout(() => {
      toAddress();
      show();
    });
  });
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const box of opened) box.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const box of opened) box.open = false;
  });
  if (isChoice()) fromAddress();
  show();
})();
