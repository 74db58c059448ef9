/* Shows what is chosen: figures, tables and charts. */

async function showListings(chosenOfPage) {
  for (const listing of data.listings) {
    const choice = choiceOf(listing, chosenOfPage);
    const found = ranked(listing, choice);
    writeTable(listing.id, listingTable(listing, found, choice));
    const figure = element(listing.id);
    write(`#${listing.id} [data-noun]`, `by ${choice.noun}`);
    const place = chartAt(listing.id);
    if (!place) {
      figure.classList.toggle("bare", found.entries.length === 0);
      continue;
    }
    const isMap = listing.chart === "world";
    const rows = isMap ? countries(found.entries) : bars(found.entries, listing);
    const keys = isMap ? rows.map(({ value }) => data.shades.findLast(([, least]) => value >= least)[0])
      : classesIn(rows);
    const largest = [...found.entries].sort((a, b) => b.total - a.total).slice(0, 3).map(({ name, total }) => `${name[0]}: ${number(total)}`);
    await draw(place, rows, { keys, summary: `${capital(choice.noun)}: ${largest.join("; ")}.` });
  }
}

async function showTime(choice, comparison) {
  const { byClass } = choice.tables;
  const lines = withEarlier(overTime(byClass, choice), byClass, choice, comparison)
    .map((line) => ({ ...line, missing: line.counted === 0 }));
  const isCompared = lines.some(comparable) ? ["before"] : [];
  const keysOfPanels = [...lines.some((line) => line.missing) ? ["missing"] : [], ...isCompared];
  if (comparison) nameLine(daysText(comparison.then));
  writeTable("periods", withBefore(timeTable(lines), lines, comparison));
  for (const panel of all("[data-panel]")) {
    const index = classes.indexOf(panel.dataset.panel);
    panel.hidden = !isShown(choice, index);
    if (panel.hidden) continue;
    const rows = lines.map(({ by, byCounted, ...line }) =>
      ({ ...line, requests: by[index], counted: byCounted[index], ...before(line, (then) => then.by[index]) }));
    const total = sum(rows.map((row) => row.requests));
    await draw(panel.querySelector("[data-chart]"), total ? rows : [],
      { keys: keysOfPanels, summary: `${number(total)} requests.` });
  }
  const weeks = inWeeks(lines);
  writeTable("weeks", withBefore(timeTable(weeks), weeks, comparison));
  const incomplete = weeks.filter(({ length, counted }) => counted && counted < length).map(({ label }) => label);
  const more = incomplete.length > data.lines ? ` + ${incomplete.length - data.lines}` : "";
  write("#incomplete", incomplete.length
    ? filled(texts.incomplete, { periods: incomplete.slice(0, data.lines).join("; ") + more }) : "");
  const rows = weeks.flatMap((week) => week.by.map((value, order) =>
    ({ start: week.start, stop: week.stop, label: week.label, missing: week.counted === 0,
      agent_class: classNames[order], order, value, ...before(week, (then) => sum(then.by), " in all") })));
  const keys = classesIn(rows);
  await draw(chartAt("per_week"), keys.length ? rows : [], { keys: [...keys, ...isCompared], summary: `${weeks.length} periods.` });
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
      const share = returning / Math.max(1, total);
      const split = [number(fresh), number(returning), { text: percent(share), value: share }];
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

function nameLine(then) {
  for (const entry of all('[data-key="before"]')) entry.lastChild.textContent = filled(texts.line, { then });
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
async function show() {
  const mine = (latest += 1);
  const choice = chosen();
  if (choice.names.size && combined === null) await unpackCombined();
  if (mine !== latest) return;
  choice.tables = tablesOf(choice);
  showChips(choice);
  markNamed();
  const comparison = comparisonOf(choice);
  headline(choice, comparison);
  const name = (id) => element(id).selectedOptions[0].textContent.trim();
  const isWhole = choice.areAll && choice.who === ANY && choice.dataset === 0 && !choice.names.size;
  element("unfiltered").hidden = isWhole;
  for (const place of all("[data-not-by-name]")) place.hidden = !choice.names.size;
  const said = [`${name("dataset")} · ${name("who")} · ${choice.span}.`, ...notesOnNames(choice), ...choice.notes];
  element("chosen").dataset.said = said.join(" ");
  element("chosen").textContent = mine === 1 && isWhole && !missing.length ? "" : said.join(" ");
  queue = queue.then(async () => {
    for (const step of [showTime, showListings, showLoyalty, showLegends, showQueries]) {
      if (mine === latest) await step(choice, comparison);
    }
    if (mine === latest) document.documentElement.dataset.shown = String(mine);
  });
}

if (isChoice()) fromAddress();
show();
