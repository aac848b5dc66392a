// Dragging a card to another state. A drop changes nothing: it leads to the same page that the form
// under the card leads to, with the text that each follower will read. A state that cannot be reached
// refuses the card and says so. On touch screens and without this, the form does it all.

const found = document.getElementById("found");
const part = (id) => document.getElementById(id);
const targets = () => [...document.querySelectorAll(".column[data-state], .closings [data-state]")];
let card = null;
let over = null;

const named = (target) => (target.querySelector("h2")?.firstChild ?? target).textContent.trim();
const target = (event) => event.target.closest?.(".column[data-state], .closings [data-state]");
const fits = (place) => card.dataset.to.split(" ").includes(place.dataset.state);

function prepare() {
  for (const one of document.querySelectorAll(".column [data-reference]")) one.draggable = true;
  const hint = part("drag-hint");
  if (hint) hint.hidden = !matchMedia("(hover: hover)").matches;
}

function refuse(place) {
  const column = document.querySelector(`.column[data-state="${card.dataset.from}"]`);
  part("refusal").textContent = part("refusal").dataset.text
    .replace("REF", card.dataset.reference)
    .replace("WAS", named(column))
    .replace("TO", named(place));
}

function lead(place) {
  const form = card.querySelector("form");
  const select = form?.elements.namedItem("state");
  const state = place.dataset.state;
  if (select && [...select.options].some((option) => option.value === state)) {
    select.value = state;
    form.requestSubmit();
    return;
  }
  // This state needs a date, an organisation, a number or a text first.
  const back = form?.elements.namedItem("back")?.value ?? "/tickets?view=board";
  const query = new URLSearchParams({ state, back });
  location.assign(`${card.querySelector("a").href}?${query}#move`);
}

found?.addEventListener("dragstart", (event) => {
  card = event.target.closest?.("[data-reference]");
  if (!card) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", card.dataset.reference);
  found.dataset.busy = "drag";
  part("refusal").textContent = "";
  part("closings").hidden = false;
  card.classList.add("dragged");
  for (const place of targets()) {
    if (place.dataset.state !== card.dataset.from) place.classList.add(fits(place) ? "open" : "shut");
  }
});

found?.addEventListener("dragover", (event) => {
  const place = card && target(event);
  if (over !== place) {
    over?.classList.remove("over");
    over = place || null;
  }
  if (!place || place.dataset.state === card.dataset.from) return;
  event.preventDefault(); // a shut state takes the drop, too, to say why not
  place.classList.add("over");
  event.dataTransfer.dropEffect = "move";
});

found?.addEventListener("drop", (event) => {
  const place = card && target(event);
  if (!place || place.dataset.state === card.dataset.from) return;
  event.preventDefault();
  if (fits(place)) lead(place);
  else refuse(place);
});

document.addEventListener("dragend", () => {
  for (const place of targets()) place.classList.remove("open", "shut", "over");
  card?.classList.remove("dragged");
  card = over = null;
  if (!found) return;
  delete found.dataset.busy;
  const closings = part("closings");
  if (closings) closings.hidden = true;
});

found?.addEventListener("swapped", prepare);
prepare();
