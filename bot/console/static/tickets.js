// On a ticket's page: only the fields that the chosen state needs are shown, and after a refused
// form the address is the page's own. Without this every field stands there, and all of it works.

const own = document.querySelector("[data-address]")?.dataset.address;
if (own && location.pathname !== own) history.replaceState(null, "", own);

const state = document.getElementById("state");
const fit = () => {
  for (const field of document.querySelectorAll("[data-for]")) {
    field.hidden = field.dataset.for !== state.value;
  }
};
state?.addEventListener("change", fit);
if (state) fit();
