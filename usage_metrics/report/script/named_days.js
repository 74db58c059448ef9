/* Ranges of days that have a name. Choosing one sets From and To, which the address says. */

const named = element("named");
named.addEventListener("change", () => {
  [element("from").value, element("to").value] = named.value.split("/");
});

// Days that were chosen otherwise may have a name, too.
function markNamed() {
  named.value = `${element("from").value}/${element("to").value}`;
  if (named.selectedIndex === -1) named.value = "";
}
