/* Adds up the figures that the choice selects. static_tables.py writes what the tables
   hold when the page is opened, from the same figures. A table is an object of columns. */

const fromBase64 = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

// Columns of so many numbers each, as packing.py packs them.
function columnsIn(bytes, sizes) {
  let at = -1;
  const next = () => {
    let value = 0;
    let factor = 1;
    do {
      at += 1;
      value += (bytes[at] & 127) * factor;
      factor *= 128;
    } while (bytes[at] & 128);
    return value;
  };
  return sizes.map((length) => Array.from({ length }, next));
}

// payload.py puts the rows of each name, dataset and class together.
function unpacked({ sizes, packed }) {
  const [series, step, requests, counted] = columnsIn(fromBase64(packed), sizes);
  const rows = { name: [], dataset: [], agent_class: [], period: [], requests, counted };
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

function* rowsOf({ period, dataset, agent_class: agentClass }, choice) {
  for (let row = 0; row < period.length; row += 1) {
    if (period[row] < choice.first || period[row] > choice.last) continue;
    if (choice.dataset !== ANY && dataset[row] !== choice.dataset) continue;
    if (choice.who !== ANY && agentClass[row] !== choice.who) continue;
    yield row;
  }
}

// What a listing ranks by, which may be its own.
function choiceOf(listing, choice) {
  const measure = listing.measure || choice.measure;
  return { ...choice, measure, noun: listing.nouns[measure] ?? data.nouns[measure] };
}

const isRest = (entry) => entry.name[0] === data.others;

function ranked(listing, choice) {
  const { names } = data.facts[listing.ranking];
  const rows = choice.tables.ofRanking(listing.ranking);
  const entries = names.map((name, index) => ({ name, index, by: classes.map(() => 0) }));
  // Facts have no rows for all datasets together.
  for (const row of rowsOf(rows, { ...choice, dataset: choice.dataset || ANY })) {
    entries[rows.name[row]].by[rows.agent_class[row]] += rows[choice.measure][row];
  }
  for (const entry of entries) entry.total = sum(entry.by);
  const whole = sum(entries.map((entry) => entry.total));
  if (listing.in_order) return { entries: whole ? entries.filter((entry) => !isRest(entry)) : [], total: whole };
  const kept = entries.filter(({ name, total }) =>
    total > 0 && (!listing.networks.length || listing.networks.includes(name[data.network])));
  kept.sort((a, b) => isRest(a) - isRest(b) || b.total - a.total || a.index - b.index);
  return { entries: kept, total: whole };
}

// Columns that are zero in every line are left out.
const notZero = (lines) =>
  Object.keys(lines[0] ?? []).filter((column) => lines.some((line) => line[column]));

function listingTable(listing, { entries, total }, { noun }) {
  const columns = notZero(entries.map(({ by }) => by));
  const share = (count) => {
    const value = count / Math.max(1, total);
    return { text: percent(value), value };
  };
  const line = (name, by) =>
    [name, number(sum(by)), share(sum(by)), ...columns.map((column) => number(by[column]))];
  const lines = entries.map((entry) => line(isRest(entry) ? [data.others] : entry.name, entry.by));
  const names = entries.filter((entry) => !isRest(entry)).length;
  return {
    heads: [data.facts[listing.ranking].columns, capital(noun), filled(texts.share, { noun }),
      ...columns.map((column) => classNames[column])],
    keys: ["name", "total", "share"],
    // The rest is sorted to the end.
    lines: lines.slice(0, names),
    others: lines.slice(names),
    adds: (rows, column) => {
      const added = sum(rows.map((row) => valueOf(row.cells[column === 2 ? 1 : column])));
      return cell(column === 2 ? share(added) : number(added), "number");
    },
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
  return [...weeks.values()].map((those) => {
    const then = those.map((day) => day.then).filter(Boolean);
    return { ...together(those), then: then.length ? together(then) : undefined };
  });
}

function together(those) {
  const added = (name) => classes.map((_, index) => sum(those.map((day) => day[name][index])));
  const [start, { stop }] = [those[0].start, those.at(-1)];
  const counted = sum(those.map((day) => day.counted));
  const label = days(start, shifted(stop, -1)) + (counted === those.length ? ""
    : counted ? ` (${counted} of ${those.length} days)` : " (no data)");
  return { start, stop, label, length: those.length, counted, by: added("by"), byCounted: added("byCounted") };
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
function writeFigures(prefix, { dataset, first, last, compare, tables }, who, comparison) {
  const table = tables.byClass;
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
    // Sessions and visitors are not known of names.
    const isKnown = span.days > 0 && column in table && (!isRatio || span[per] > 0);
    const value = isRatio ? ratio(span) : span[column];
    write(`[data-figure="${prefix}.${id}"]`, isKnown ? writers[writer](value) : data.none,
      isKnown ? value : undefined);
    const earlier = then ? ratio(then) : 0;
    const text = compare === "none" ? "" : change(earlier > 0 ? ratio(now) / earlier - 1 : null);
    const isJudged = isUse(id) && /^[+−]/.test(text);
    for (const place of all(`[data-change="${prefix}.${id}"]`)) {
      place.textContent = text;
      place.classList.toggle("up", isJudged && text[0] === better);
      place.classList.toggle("down", isJudged && text[0] !== better);
    }
  }
}

function headline(choice, comparison) {
  write("#compared", comparisonText(comparison, choice));
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
    const value = row < 0 ? 0 : data.reach[`${name}_${choice.measure}`][row];
    write(`[data-figure="all.${name}"]`, choice.names.size ? data.none : number(value));
  }
  write("[data-note]", filled(choice.areAll ? texts.reach : texts.reach_of_all_days, choice));
  const { days, counted } = daysOf(choice.first, choice.last);
  write('[data-figure="all.days"]', `${number(counted)} of ${number(days)}`);
}

// Tables that cannot be added up over classes have rows for all of them.
const whoOrAll = ({ who }) => (who === ANY ? classes.length : who);

function write(selector, text, value) {
  for (const place of all(selector)) {
    place.textContent = text;
    if (value === undefined) delete place.dataset.value;
    else place.dataset.value = value;
  }
}

// A name is a text, or a list of it and what is said below it; a number is a text, with
// its value if that is not what the text says.
function cell(content, className, scope) {
  const made = document.createElement(scope ? "th" : "td");
  const [text, ...more] = [content.text ?? content].flat();
  if (content.value !== undefined) made.dataset.value = content.value;
  made.className = className;
  if (scope) made.scope = scope;
  const found = pickOf.get(content);
  made.append(found ? nameToPick(text, found) : text);
  const below = more.filter(Boolean).join(" · ");
  if (below) {
    const small = document.createElement("small");
    small.textContent = below;
    made.append(" ", small);
  }
  return made;
}

function writeTable(id, { heads, keys = [], lines, others = [], adds = null }) {
  const table = document.querySelector(`[data-table="${id}"]`);
  if (!table) return;
  const row = ([name, ...numbers], scope, otherScope) => {
    const made = document.createElement("tr");
    made.append(cell(name, "", scope), ...numbers.map((text) => cell(text, "number", otherScope)));
    return made;
  };
  const focused = table.contains(document.activeElement) && document.activeElement.dataset.pick;
  table.tHead.replaceChildren(row(heads, "col", "col"));
  for (const [column, key] of keys.entries()) headsOf(table)[column].dataset.key = key;
  const made = { lines: lines.map((line) => row(line, "row")), others: others.map((line) => row(line, "row")) };
  beginTable(Object.assign(stateOf(table), made, { adds }));
  if (focused) table.querySelector(`[data-pick="${focused}"]`)?.focus({ preventScroll: true });
}
