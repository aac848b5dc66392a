// On a ticket's page: only the fields that the chosen state needs are shown. Without this every field
// stands there, and all of it works.

const state = document.getElementById("state");
const fit = () => {
  for (const field of document.querySelectorAll("[data-for]")) {
    field.hidden = field.dataset.for !== state.value;
  }
};
state?.addEventListener("change", fit);
if (state) fit();
