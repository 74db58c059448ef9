/* The figures of chosen names: use by all that is ranked, together, as combined.py packs
   it. A table is an object of columns. */

let combined = null; // until names are chosen

const canPick = data.combined.rows > 0 && "DecompressionStream" in window;

async function unpackCombined() {
  const { columns, rows, packed } = data.combined;
  const inflated = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const read = new Uint8Array(await new Response(inflated).arrayBuffer());
  const made = columnsIn(read, columns.map(() => rows));
  combined = Object.fromEntries(columns.map((name, column) => [name, made[column]]));
}

const someOf = (table, rows) =>
  Object.fromEntries(Object.entries(table).map(([name, column]) => [name, rows.map((row) => column[row])]));

// The tables that figures are sums of: use by class, and by the names of a ranking.
function tablesOf({ names, dataset }) {
  if (!names.size) {
    return { byClass: data.by_class, ofRanking: (ranking) => data.facts[ranking].rows };
  }
  const isChosen = (row) => [...names].every(([ranking, some]) => some.has(combined[ranking][row]));
  const rows = someOf(combined, [...combined.period.keys()].filter(isChosen));
  const ofAll = dataset === 0 ? { dataset: rows.dataset.map(() => 0) } : {};
  const named = (ranking) => {
    const rest = data.facts[ranking].names.findIndex((name) => isRest({ name }));
    return rows[ranking].map((name) => (isNamed(ranking, name) ? name : rest));
  };
  return {
    byClass: { ...rows, ...ofAll },
    // The others are not filtered by names, and say so.
    ofRanking: (ranking) => (data.facts[ranking].word
      ? { ...rows, name: named(ranking) } : data.facts[ranking].rows),
  };
}

const isNamed = (ranking, name) => name < data.facts[ranking].names.length;

// Of what share it is not known whether it has the chosen names.
function shareWithoutNames(choice) {
  const added = (table, dataset, isMeant = () => true) => sum(
    [...rowsOf(table, { ...choice, dataset })].filter(isMeant).map((row) => table[choice.measure][row]));
  const known = added(combined, choice.dataset || ANY, (row) =>
    [...choice.names.keys()].every((ranking) => isNamed(ranking, combined[ranking][row])));
  const total = added(data.by_class, choice.dataset);
  return total ? 1 - known / total : 0;
}
