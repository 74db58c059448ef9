/* What the chosen days are compared with: the days before, or the same a year before.
   earlier.py does the same for the page as it is opened. */

function daysOf(first, last) {
  const periods = data.periods.slice(first, last + 1);
  return { days: sum(periods.map((period) => period[3])), counted: sum(periods.map((period) => period[4])) };
}

// Whether there is no day between some periods that is in none of them.
function followEachOther(first, last) {
  if (first < 0) return false;
  const length = Date.parse(data.periods[last][1]) - Date.parse(data.periods[first][0]);
  return length === DAY * daysOf(first, last).days;
}

// The use by names is of the report's own days.
const isBeforeNames = ({ names }, period) => names.size > 0 && period < data.before;

function withTimeBefore(choice) {
  const { first, last } = choice;
  const whole = last - first + 1;
  const isHalf = isBeforeNames(choice, first - whole) || !followEachOther(first - whole, last);
  const count = isHalf ? Math.floor(whole / 2) : whole;
  const now = [last - count + 1, last];
  const then = now.map((period) => period - count);
  const text = filled(isHalf ? texts.halves : texts.before,
    { count, unit: count === 1 ? data.unit : `${data.unit}s` });
  return { now, then, text, earlier: (period) => period - count, days: daysOf(...then).days };
}

function yearBefore(day) {
  if (data.unit === "week") return shifted(day, -52 * 7);
  const then = `${day.slice(0, 4) - 1}${day.slice(4)}`;
  return then.endsWith("02-29") ? shifted(`${then.slice(0, 8)}01`, 27) : then;
}

// Of more than a year, the last one is compared; of less data, what has a year before.
function withYearBefore({ first, last }) {
  const earlier = (period) => {
    const day = yearBefore(data.periods[period][0]);
    return data.periods.findIndex(([start, stop]) => start <= day && day < stop);
  };
  const since = Math.max(first, earlier(last) + 1);
  const now = [since, last];
  while (now[0] < last && earlier(now[0]) === -1) now[0] += 1;
  const then = now.map(earlier);
  if (then[0] === -1) return null;
  const text = filled(now[0] === first ? texts.year : texts.last_year,
    { now: daysText(now), then: daysText(then) });
  return { now, then, text, earlier, days: daysOf(...then).days };
}

const daysText = ([first, last]) => days(data.periods[first][0], shifted(data.periods[last][1], -1));

// Nothing is compared of which half of the days is missing.
function comparisonOf(choice) {
  const ways = { before: withTimeBefore, year: withYearBefore, none: () => null };
  const found = ways[choice.compare](choice);
  const isKnown = found && !isBeforeNames(choice, found.then[0]) && daysOf(...found.now).counted > 0
    && 2 * daysOf(...found.then).counted >= found.days;
  return isKnown ? found : null;
}

function comparisonText(comparison, { compare, names }) {
  if (compare === "none") return "";
  if (comparison === null && names.size && data.before) return texts.no_names_before;
  if (comparison === null) return compare === "year" ? texts.no_year_before : texts.nothing_to_compare;
  const ranges = [comparison.now, comparison.then].map((range) => daysOf(...range));
  const [all, counted] = ["days", "counted"].map((name) => sum(ranges.map((range) => range[name])));
  return counted === all ? comparison.text
    : `${comparison.text} ${filled(texts.there, { days: all, counted })}`;
}

// Each period with the one that it is compared with.
function withEarlier(lines, table, choice, comparison) {
  if (!comparison) return lines;
  const [first, last] = comparison.then;
  const then = overTime(table, { ...choice, first, last });
  return lines.map((line, place) => {
    const period = choice.first + place;
    return period < comparison.now[0] ? line : { ...line, then: then[comparison.earlier(period) - first] };
  });
}

// What a period is compared with; nothing without data, or that is not as long.
function comparable({ length, then }) {
  const isAlike = then && 10 * Math.abs(then.length - length) <= Math.max(then.length, length);
  return isAlike && then.counted ? then : null;
}

// For a chart: how much there was before, and what to say of it.
function before(line, amount, more = "") {
  const then = comparable(line);
  return { before: then ? amount(then) : 0, then: then ? `${number(amount(then))}${more} (${then.label})` : "" };
}

function withBefore({ heads, lines }, periods, comparison) {
  if (!comparison) return { heads, lines };
  const then = periods.map(comparable);
  const totals = { requests: then.map((line) => line && sum(line.by)), counted: then.map((line) => line && sum(line.byCounted)) };
  const shown = Object.keys(totals).filter((name) => name === "requests" || totals[name].some(Boolean));
  const cellOf = (value) => (value === null ? data.none : number(value));
  return {
    heads: [...heads, ...shown.map((name) => [data.heads_before[name], daysText(comparison.then)])],
    lines: lines.map((line, place) => [...line, ...shown.map((name) => cellOf(totals[name][place]))]),
  };
}
