/* From a number to its rows: the query that gives what a table or the headline shows.
   It asks the tables of the database, in what SQLite and DuckDB have in common. */

// What is not plain to see is compared by its bytes: quotes, ends of lines, NUL.
const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const isPlain = (text) => !/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(text);
const bytesOf = (text) =>
  quote([...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase());
const columnNamed = (column) => (column === "table" ? '"table"' : column);

const isIn = (column, values) =>
  (values.length === 1 ? `${column} = ${values[0]}` : `${column} IN (${values.join(", ")})`);
function isOneOf(column, values) {
  const known = values.filter((value) => value !== null);
  const [clear, hidden] = [known.filter(isPlain), known.filter((value) => !isPlain(value))];
  const found = [];
  if (clear.length) found.push(isIn(column, clear.map(quote)));
  if (hidden.length) found.push(isIn(`hex(${column})`, hidden.map(bytesOf)));
  if (known.length < values.length) found.push(`${column} IS NULL`);
  return found.length === 1 ? found[0] : `(${found.join(" OR ")})`;
}

// Clauses. A table of use by class has rows for all datasets together, others do not.
const dayOfPeriod = ({ first, last }) => [data.periods[first][0], shifted(data.periods[last][1], -1)];
const inDays = (choice) => [`source = ${quote(data.source)}`,
  `date BETWEEN ${dayOfPeriod(choice).map(quote).join(" AND ")}`];
const rawDatasets = new Map(Object.entries(data.raw_datasets)); // an object has a "constructor"
const datasetIs = ({ dataset }) => isOneOf("dataset", rawDatasets.get(data.datasets[dataset]) ?? [data.datasets[dataset]]);
function chosenRows(choice, { ofAll = false } = {}) {
  const dataset = (ofAll && !choice.names.size) || choice.dataset > 0 ? [datasetIs(choice)] : [];
  const who = choice.who === ANY ? [] : [`agent_class = ${quote(classes[choice.who])}`];
  return [...inDays(choice), ...dataset, ...who, ...[...choice.names].map(nameIsOneOf)];
}

// Chosen names are known together in one table, and some of them in a second one, which
// has all requests.
function nameIsOneOf([ranking, some]) {
  const { keys, values } = data.facts[ranking];
  const rows = [...some].flatMap((index) => values[index]);
  if (keys.length === 1) return isOneOf(columnNamed(keys[0]), rows.map(([value]) => value));
  const all = rows.map((row) =>
    `(${row.map((value, key) => isOneOf(columnNamed(keys[key]), [value])).join(" AND ")})`);
  return all.length === 1 ? all[0] : `(${all.join("\n    OR ")})`;
}
function tableOf(usual, columns, { names }) {
  if (!names.size) return usual;
  const needed = [...columns, ...[...names.keys()].flatMap((ranking) => data.facts[ranking].keys)];
  return needed.every((column) => data.in_daily.includes(column)) ? "usage_daily" : "usage_combined";
}
const where = (conditions) => `WHERE ${conditions.join("\n  AND ")}`;
const byClassOf = (column, indexes) => indexes.map((index) =>
  `  sum(CASE agent_class WHEN '${classes[index]}' THEN ${column} ELSE 0 END) AS ${classes[index]}`);
const sums = (columns) => columns.map((column) => `  sum(${column}) AS ${column}`);
const selecting = (columns) => `SELECT ${columns.join(",\n").trimStart()}`;
const classesShown = (id) => {
  const heads = headsOf(document.querySelector(`[data-table="${id}"]`)).map((head) => head.textContent);
  return classes.map((_, index) => index).filter((index) => heads.includes(classNames[index]));
};

function ofListing(listing, chosenOfPage) {
  const { table, keys, attribute } = data.facts[listing.ranking];
  const choice = choiceOf(listing, attribute ? { ...chosenOfPage, names: new Map() } : chosenOfPage);
  const { measure } = choice;
  const ofAttribute = attribute ? [isOneOf("attribute", [attribute])] : [];
  const networks = listing.kinds.length
    ? [isOneOf("network_class", listing.kinds.includes("unknown") ? [...listing.kinds, null] : listing.kinds)] : [];
  const by = keys.map(columnNamed).join(", ");
  return [selecting([by, ...sums([measure]), ...byClassOf(measure, classesShown(listing.id))]),
    `FROM ${tableOf(table, keys, choice)}`, where([...chosenRows(choice), ...ofAttribute, ...networks]), `GROUP BY ${by}`,
    `HAVING sum(${measure}) > 0`, `ORDER BY sum(${measure}) DESC, ${by}`].join("\n");
}

// Periods, as the page has them, three in a line.
function periodsAs(lines) {
  const said = lines.map(({ start, stop }) => `(${quote(start)}, ${quote(shifted(stop, -1))})`);
  const rows = Array.from({ length: Math.ceil(said.length / 3) }, (_, row) => said.slice(3 * row, 3 * row + 3).join(", "));
  return `period(begins, ends) AS (VALUES\n  ${rows.join(",\n  ")})`;
}
const ON_PERIOD = "CAST(date AS TEXT) BETWEEN begins AND ends";

function ofTime(id, lines, choice) {
  const numbers = [...sums(["requests", "counted"]), ...byClassOf("requests", classesShown(id))];
  const rows = where(chosenRows(choice, { ofAll: true }));
  const table = tableOf("usage_by_class", [], choice);
  if (lines.every(({ length }) => length === 1)) {
    return [selecting(["date", ...numbers]), `FROM ${table}`, rows, "GROUP BY date", "ORDER BY date"].join("\n");
  }
  return [`WITH ${periodsAs(lines)}`, selecting(["begins, ends", ...numbers]),
    `FROM period JOIN ${table} ON ${ON_PERIOD}`, rows,
    "GROUP BY begins, ends", "ORDER BY begins"].join("\n");
}

// An organisation is new in the period of its first use that the database has.
function ofLoyalty(choice) {
  const lines = overTime(data.by_class, choice);
  if (choice.first === data.before) lines[0].start = data.whole_start;
  const [source, , ...rest] = chosenRows({ ...choice, names: new Map() }); // as the page says
  const [first, last] = dayOfPeriod(choice).map(quote);
  const isByDay = data.unit === "day";
  const begins = isByDay ? "date" : "begins";
  const ever = [source, `date <= ${last}`, ...rest, "counted > 0", "organization IS NOT NULL"];
  const many = (condition, name) =>
    `  count(DISTINCT CASE WHEN first_use ${condition} ${begins} THEN organization END) AS ${name}`;
  return [`WITH ${isByDay ? "" : `${periodsAs(lines)},\n`}used AS (`,
    "  SELECT organization, CAST(date AS TEXT) AS date,",
    "    CAST(min(date) OVER (PARTITION BY organization) AS TEXT) AS first_use",
    `  FROM usage_by_organization\n  ${where(ever).replaceAll("\n", "\n  ")})`,
    selecting([begins, "  count(DISTINCT organization) AS organizations", many(">=", "new"), many("<", "returned")]),
    isByDay ? `FROM used\nWHERE date >= ${first}` : `FROM period JOIN used ON date BETWEEN begins AND ends`,
    `GROUP BY ${begins}`, `ORDER BY ${begins}`].join("\n");
}

const daysWithData = (choice) =>
  `(SELECT count(DISTINCT date) FROM usage_reconciliation\n   ${where(inDays(choice)).replaceAll("\n", "\n   ")})`;

// Organisations and countries are those of all days, as the page says.
function ofHeadline(choice) {
  if (choice.names.size) return ofNames(["requests", "counted", "bytes"], choice);
  const ever = { ...choice, first: data.before, last: data.periods.length - 1 };
  const many = (column, table, name) => `  (SELECT count(DISTINCT ${column}) FROM ${table}\n   ${
    where([...chosenRows(ever), `${choice.measure} > 0`]).replaceAll("\n", "\n   ")}) AS ${name}`;
  return [selecting([...sums(["requests", "counted", "assistants", "bytes"]),
    many("organization", "usage_by_organization", "organizations"), many("country", "usage_daily", "countries"),
    `  ${daysWithData(choice)} AS days_with_data`]),
  "FROM usage_by_class", where(chosenRows(choice, { ofAll: true }))].join("\n");
}

const ofNames = (columns, choice) => [selecting(sums(columns)), `FROM ${tableOf("", [], choice)}`,
  where(chosenRows(choice))].join("\n");

function ofCards(choice) {
  if (choice.names.size) {
    const numbers = sums(["requests", "counted", "bytes"]);
    return [selecting(["agent_class", ...numbers, "  1.0 * sum(errors) / sum(requests) AS failed_requests"]),
      `FROM ${tableOf("", [], choice)}`, where(chosenRows(choice)), "GROUP BY agent_class"].join("\n");
  }
  return [selecting(["agent_class", ...sums(["requests", "counted"]), "  sum(unique_sessions) AS sessions",
    `  1.0 * sum(unique_visitors) / ${daysWithData(choice)} AS visitors_per_day`,
    ...sums(["assistants", "bytes"]), "  1.0 * sum(errors) / sum(requests) AS failed_requests"]),
  "FROM usage_by_class", where(chosenRows(choice, { ofAll: true })), "GROUP BY agent_class"].join("\n");
}

// The section on quality is about all days, whatever is chosen.
const wholeSpan = { first: data.before, last: data.periods.length - 1, dataset: 0, who: ANY, names: new Map() };
const reconciled = (columns, ...more) =>
  [selecting(columns), "FROM usage_reconciliation", where([...inDays(wholeSpan), ...more])].join("\n");
const ofConcentration = () => {
  const used = (dataset, by) => `  SELECT ${dataset}, organization, sum(requests) AS requests, sum(counted) AS counted
  FROM usage_by_organization
  ${where(inDays(wholeSpan)).replaceAll("\n", "\n  ")}
  GROUP BY ${by}`;
  return `WITH used AS (
${used("dataset", "dataset, organization")}
  UNION ALL
${used("'all'", "organization")}),
ranked AS (
  SELECT *, sum(requests) OVER one AS all_requests, sum(counted) OVER one AS all_counted,
    row_number() OVER (one ORDER BY organization IS NULL, requests DESC, organization) AS place
  FROM used WINDOW one AS (PARTITION BY dataset))
SELECT dataset, organization, all_requests AS requests, all_requests - requests AS requests_without_it,
  all_counted AS counted, all_counted - counted AS counted_without_it
FROM ranked
WHERE place = 1
ORDER BY dataset <> 'all', all_requests DESC`;
};

// --- on the page ---

function queryBox(tools, title) {
  const box = document.createElement("details");
  box.className = "query";
  const made = (name, text, attributes = {}) => {
    const part = box.appendChild(document.createElement(name));
    part.textContent = text;
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    return part;
  };
  made("summary", "Query", { "aria-label": `Query: ${title}` });
  made("pre", "", { tabindex: "0", role: "region", "aria-label": `SQL: ${title}` });
  withCopy(box);
  tools.append(box);
  return box;
}

const queryBoxes = new Map();
function writeQuery(id, sql) {
  if (!queryBoxes.has(id)) {
    const table = document.querySelector(`[data-table="${id}"]`);
    if (!table) return;
    queryBoxes.set(id, queryBox(toolsOf.get(table), table.caption.textContent));
  }
  const box = queryBoxes.get(id);
  box.querySelector("pre").textContent = sql;
  box.querySelector("[role=status]").textContent = "";
}

for (const [id, selector, title] of [["headline", ".strip", "Headline figures"], ["cards", ".cards", "Figures of each class"]]) {
  const tools = document.createElement("div");
  tools.className = "tools";
  document.querySelector(selector).after(tools);
  queryBoxes.set(id, queryBox(tools, title));
}

// A name with an address is not on the page, and so in no query.
const SECRET = "-- A name that is chosen stands for texts with an address, which this page does not say.";
const isSecret = ({ dataset, names }) => rawDatasets.get(data.datasets[dataset]) === null
  || [...names].some(([ranking, some]) => [...some].some((index) => !data.facts[ranking].values[index]?.length));

function showQueries(choice) {
  if (isSecret(choice)) {
    for (const box of queryBoxes.values()) box.querySelector("pre").textContent = SECRET;
    return;
  }
  const lines = overTime(data.by_class, choice);
  const found = {
    headline: ofHeadline(choice), cards: ofCards(choice), periods: ofTime("periods", lines, choice),
    weeks: ofTime("weeks", inWeeks(lines), choice), loyalty: ofLoyalty(choice),
    concentration: ofConcentration(),
    filtered: reconciled(sums(data.reconciled)),
    incomplete: `${reconciled(["date, lines, rejected, requests, counted"], "(rejected > 0 OR requests = 0)")}\nORDER BY date`,
  };
  for (const [id, sql] of Object.entries(found)) writeQuery(id, sql);
  for (const listing of data.listings) {
    if (element(listing.id)?.querySelector("table")) writeQuery(listing.id, ofListing(listing, choice));
  }
}
