// The SMS simulator's page. It shows what the server tells and posts what the visitor does; every
// text goes in as text, never as markup.

const $ = (id) => document.getElementById(id);
const NUMBERS = ["+31600000001", "+31600000002", "+31600000003", "+15005550009"];
const STATUS = {
  queued: "waiting", sent: "sent", delivered: "delivered", undelivered: "not delivered",
};
const GOOD_DAY = {
  answer: "accept", fate: "delivered", callbacks: "in order",
  redeliver: 0, delay: 0, lose_inbound: false,
};
const ADDRESS = /https?:\/\/[^\s]+[^\s.,;:!?)]/g;
const rows = new Map();
let known = { texts: [], switches: {} };
let picture = "";

async function call(path, body) {
  const response = await fetch(path, body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

// Telephone numbers: three of the page's own, and any other that has had a message.
function numbers() {
  const all = new Set([...NUMBERS, ...known.texts.map((text) => text.number)]);
  const select = $("number");
  for (const number of all) {
    if (![...select.options].some((option) => option.value === number)) {
      select.add(new Option(spaced(number), number), select.options.length);
    }
  }
}
const spaced = (number) => number.replace(/^(\+31)(6)(\d{4})(\d{4})$/, "$1 $2 $3 $4")
  .replace(/^(\+1)(\d{3})(\d{3})(\d{4})$/, "$1 $2 $3 $4");

// Messages
function bubble(text) {
  const row = document.createElement("div");
  row.className = text.mine ? "text mine" : "text";
  const said = document.createElement("div");
  said.className = "bubble";
  for (const url of text.pictures) {
    const image = document.createElement("img");
    image.src = url;
    image.alt = "Picture";
    image.addEventListener("load", toEnd);
    said.append(image);
  }
  let from = 0;
  for (const match of text.body.matchAll(ADDRESS)) {
    said.append(text.body.slice(from, match.index));
    const link = document.createElement("a");
    link.href = match[0];
    link.textContent = match[0];
    link.rel = "noreferrer noopener";
    link.target = "_blank";
    said.append(link);
    from = match.index + match[0].length;
  }
  said.append(text.body.slice(from));
  const facts = document.createElement("div");
  facts.className = "facts";
  row.append(said, facts);
  return row;
}

function fill(facts, text) {
  const time = new Date(text.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const { encoding, segments, units } = text.size;
  const size = document.createElement("span");
  size.textContent = `${encoding} · ${units} · ${segments} ${segments === 1 ? "segment" : "segments"}`;
  if (segments > 3 || (encoding === "UCS-2" && !text.mine)) {
    size.className = "dear";
    size.title = encoding === "UCS-2"
      ? "Has characters outside the GSM alphabet: 70 fit into an SMS, not 160"
      : "More than three segments";
  }
  const state = document.createElement("span");
  state.textContent = text.mine ? text.webhook || "on its way" : STATUS[text.status] || text.status;
  if (text.error) state.textContent += ` (${text.error})`;
  if (text.error || /no answer|refused|lost/.test(text.mine ? text.webhook : "")) {
    state.className = "bad";
  }
  facts.replaceChildren(`${time} · `, ...(text.body ? [size, " · "] : []), state);
}

function show() {
  const box = $("texts");
  const near = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const mine = known.texts.filter((text) => text.number === $("number").value);
  const wanted = new Set(mine.map((text) => text.sid));
  for (const [sid, row] of rows) {
    if (!wanted.has(sid)) { row.remove(); rows.delete(sid); }
  }
  let added = false;
  for (const text of mine) {
    if (!rows.has(text.sid)) {
      rows.set(text.sid, bubble(text));
      box.append(rows.get(text.sid));
      added = true;
    }
    fill(rows.get(text.sid).lastChild, text);
  }
  $("nothing").hidden = mine.length > 0;
  if (added && near) toEnd();
}
function toEnd() {
  $("texts").scrollTop = $("texts").scrollHeight;
}

// Switches
function turn() {
  for (const input of $("switches").elements) {
    if (!input.name || input === document.activeElement && input.type === "number") continue;
    const value = known.switches[input.name];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
    input.classList.toggle("changed", value !== GOOD_DAY[input.name]);
  }
}
async function change(wanted) {
  try {
    await call("/phone/switches", wanted);
    $("saved").textContent = "Set.";
  } catch (error) {
    $("saved").textContent = error.message;
  }
}
$("switches").addEventListener("submit", (event) => event.preventDefault());
$("switches").addEventListener("change", ({ target }) => {
  if (!target.name || !target.reportValidity()) return;
  const value = target.type === "checkbox" ? target.checked
    : target.type === "number" ? Number(target.value) : target.value;
  change({ [target.name]: value });
});
$("good").addEventListener("click", () => change(GOOD_DAY));

// Writing
function grow() {
  const body = $("body");
  body.style.height = "auto";
  body.style.height = `${Math.min(body.scrollHeight, 128)}px`;
}
let counting = 0;
async function count() {
  const mine = ++counting;
  const body = $("body").value;
  const size = body ? await call("/phone/count", { body }).catch(() => null) : null;
  if (mine !== counting) return;
  $("count").textContent = size ? `${size.encoding} · ${size.units} · ${size.segments} SMS` : "";
}
$("body").addEventListener("input", () => { grow(); count(); });
$("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("compose").requestSubmit();
  }
});
$("file").addEventListener("change", ({ target }) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    picture = reader.result;
    $("preview").src = picture;
    $("added").hidden = false;
  });
  if (target.files[0]) reader.readAsDataURL(target.files[0]);
  target.value = "";
});
function dropPicture() {
  picture = "";
  $("added").hidden = true;
  $("preview").removeAttribute("src");
}
$("drop").addEventListener("click", dropPicture);
$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = $("body").value.trim();
  if (!body && !picture) return;
  $("problem").hidden = true;
  try {
    await call("/phone/send", { from: $("number").value, body, picture });
    $("body").value = "";
    dropPicture();
    grow();
    count();
    toEnd();
  } catch (error) {
    $("problem").textContent = error.message || "The simulator gives no answer.";
    $("problem").hidden = false;
  }
  $("body").focus();
});
$("number").addEventListener("change", () => { show(); toEnd(); });

// News, for as long as the page is open
async function follow() {
  let revision = "";
  for (;;) {
    try {
      known = await call(`/phone/state${revision === "" ? "" : `?revision=${revision}`}`);
      revision = known.revision;
      $("city").textContent = spaced(known.city);
      numbers();
      turn();
      show();
    } catch {
      revision = "";
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}
$("panel").open = matchMedia("(min-width: 861px)").matches;
follow();
