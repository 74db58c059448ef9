/* Buttons, on every page. */

function madeButton(className, inside, press, label = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.append(...[inside].flat());
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", press);
  return made;
}
