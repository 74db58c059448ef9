// What a bar stands for is in the table below the charts: say it where one points.
const tip = document.getElementById("tip");

function say(event) {
    const drawn = event.currentTarget, box = drawn.getBoundingClientRect();
    const table = document.querySelector(`[data-table="over time ${drawn.dataset.of}"]`);
    const rows = stateOf(table).lines, heads = table.tHead.rows[0].cells;
    const at = Math.floor((event.clientX - box.left) / box.width * rows.length);
    const {cells} = rows[Math.min(Math.max(at, 0), rows.length - 1)];
    const lines = drawn.dataset.columns.split(" ").map(
        (column) => `${heads[column].textContent}: ${cells[column].textContent}`);
    tip.replaceChildren(...[cells[0].textContent, ...lines].map((text) => {
        const line = document.createElement("p");
        line.textContent = text;
        return line;
    }));
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 12, room))}px`;
    tip.style.top = `${event.clientY + 16}px`;
}

for (const drawn of document.querySelectorAll(".drawn")) {
    drawn.addEventListener("pointermove", say);
    drawn.addEventListener("pointerleave", () => { tip.hidden = true; });
}
