/* The phone of the Telegram simulator. It shows one chat, and sends what the citizen does to the
   simulator. All words are put on the page as text, never as markup. */

const PLACES = [
  ["Grote Markt, Groningen", 53.2189, 6.5675],
  ["Noorderplantsoen, Groningen", 53.2236, 6.5556],
  ["Central station, Groningen", 53.2106, 6.5642],
  ["Far outside the city", 52.0907, 5.1214],
];
const ODD = { sticker: "👍 Sticker", voice: "🎤 Voice message", video: "🎬 Video", document: "📄 letter.pdf" };
const ATTACH = [
  ["🖼️", "Photo", () => pick("photo")],
  ["📎", "Photo as a file", () => pick("document")],
  ["📍", "Position", () => openPlace()],
  ["👤", "My telephone number", () => act({ contact: { phone: "+31600000000" } })],
  ["👍", "Sticker", () => act({ odd: "sticker" })],
  ["🎤", "Voice message", () => act({ odd: "voice" })],
  ["🎬", "Video", () => act({ odd: "video" })],
  ["📄", "PDF document", () => act({ odd: "document" })],
];

const $ = (id) => document.getElementById(id);
const state = { chat: null, changed: 0, editing: null, world: null, following: 0, sendAs: "photo", keyboard: "", atEnd: true };

function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "role") element.setAttribute(name, value);
    else if (name.startsWith("aria")) element.setAttribute(`aria-${name.slice(4).toLowerCase()}`, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

async function ask(path, options = {}) {
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function act(what) {
  closeMenus();
  try {
    await post(`/phone/chats/${state.chat}`, what);
  } catch (error) {
    showStatus(`Not sent: ${error.message}`, false);
  }
}

/* Lines ---------------------------------------------------------------------------------------- */

function words(line) {
  const holder = make("div", { className: "words" });
  let place = 0;
  for (const entity of [...(line.entities || [])].sort((a, b) => a.offset - b.offset)) {
    if (entity.offset < place) continue;
    holder.append(line.text.slice(place, entity.offset));
    const part = line.text.slice(entity.offset, entity.offset + entity.length);
    const known = { text_link: "a", bold: "strong", italic: "em", code: "code" }[entity.type] || "span";
    const element = make(known, { textContent: part });
    if (known === "a" && /^https?:\/\//.test(entity.url)) {
      element.href = entity.url;
      element.target = "_blank";
      element.rel = "noopener noreferrer";
    }
    holder.append(element);
    place = entity.offset + entity.length;
  }
  holder.append(line.text.slice(place));
  return holder;
}

function spot(place) {
  return make("div", { className: "spot" },
    make("span", { className: "pin", textContent: "📍", ariaHidden: "true" }),
    make("span", { textContent: place.name || (place.live_period ? "Live position" : "Position") }),
    make("span", { textContent: `${place.latitude.toFixed(5)}, ${place.longitude.toFixed(5)}` }));
}

function bubble(line) {
  const box = make("div", { className: "bubble" });
  if (line.photo) {
    box.append(make("img", { src: `/phone/files/${line.photo}`, alt: line.from === "bot" ? "" : "Photo that you sent" }));
  }
  if (line.place) box.append(spot(line.place));
  if (line.odd) box.append(make("div", { className: "odd", textContent: ODD[line.odd] || line.odd }));
  if (line.text) box.append(words(line));
  const at = new Date(line.at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const meta = make("span", { className: "meta", textContent: `${line.edited ? "edited " : ""}${at}` });
  if (line.from === "citizen" && line.text) {
    meta.prepend(make("button", { type: "button", textContent: "Edit", onclick: () => startEditing(line) }), " ");
  }
  box.append(meta);
  return box;
}

function inlineButtons(line) {
  const holder = make("div", { className: "buttons" });
  for (const row of line.buttons) {
    holder.append(make("div", {}, ...row.map((button) => make("button", {
      type: "button",
      textContent: button.text,
      title: button.text,
      ariaBusy: String(line.waiting === button.callback_data),
      onclick: () => act({ press: { id: line.id, data: button.callback_data } }),
    }))));
  }
  return holder;
}

function showLine(line) {
  const element = make("div", { className: `line ${line.from}`, id: `line-${line.id}` }, bubble(line));
  if (line.buttons && line.buttons.length) element.append(inlineButtons(line));
  const known = $(`line-${line.id}`);
  if (known) known.replaceWith(element);
  else $("lines").append(element);
}

function showKeyboard(rows) {
  const said = JSON.stringify(rows);
  if (said === state.keyboard) return;
  state.keyboard = said;
  const keyboard = $("keyboard");
  keyboard.replaceChildren(...rows.map((row) => make("div", {}, ...row.map((button) => make("button", {
    type: "button",
    textContent: (button.request_location ? "📍 " : "") + button.text,
    onclick: () => {
      keyboard.hidden = true;
      if (button.request_location) openPlace();
      else act({ text: button.text });
    },
  })))));
  keyboard.hidden = rows.length === 0;
}

function showStatus(text, typing) {
  $("status").textContent = text;
  $("status").classList.toggle("typing", typing);
}

/* Following one chat --------------------------------------------------------------------------- */

async function follow(chat) {
  const turn = ++state.following;
  state.chat = chat;
  state.changed = 0;
  state.keyboard = "";
  state.atEnd = true;
  stopEditing();
  for (const line of [...$("lines").querySelectorAll(".line")]) line.remove();
  try {
    sessionStorage.setItem("chat", String(chat));
  } catch {
    /* private windows may refuse; the first chat is shown then */
  }
  showChats();
  let wait = "";
  while (turn === state.following) {
    try {
      const news = await ask(`/phone/chats/${chat}?after=${state.changed}${wait}`);
      if (turn !== state.following) return;
      showNews(news);
      wait = "&wait=1";
    } catch {
      showStatus("the simulator has stopped", false);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}

/* Whoever reads the end keeps reading it, whatever opens below or comes in. */
function stayAtEnd() {
  if (state.atEnd) $("lines").scrollTop = $("lines").scrollHeight;
}

let typingTimer = 0;

function showNews(news) {
  if (news.moved && news.changed > state.changed) {
    follow(news.moved);
    refresh();
    return;
  }
  const lines = $("lines");
  state.changed = news.changed;
  news.lines.sort((a, b) => a.id - b.id).forEach(showLine);
  $("empty").hidden = lines.querySelector(".line") !== null;
  showKeyboard(news.keyboard);
  $("blocked").checked = news.blocked;
  $("migrate-row").hidden = news.kind === "private";
  $("name").textContent = news.kind === "private" ? state.world.bot.name : `${news.name} (group)`;
  const rest = news.kind === "private" ? "bot" : `group: name @${state.world.bot.username} to ask it`;
  clearTimeout(typingTimer);
  if (news.typing > 0) {
    showStatus("typing …", true);
    typingTimer = setTimeout(() => showStatus(rest, false), news.typing * 1000);
  } else {
    showStatus(rest, false);
  }
  showCommands(news.language);
  if (news.lines.some((line) => line.from === "citizen")) state.atEnd = true;
  stayAtEnd();
}

/* Sending -------------------------------------------------------------------------------------- */

function startEditing(line) {
  state.editing = line.id;
  $("editing").hidden = false;
  $("editing-text").textContent = line.text;
  $("text").value = line.text;
  $("text").focus();
}

function stopEditing() {
  if (state.editing !== null) $("text").value = "";
  state.editing = null;
  $("editing").hidden = true;
}

async function send() {
  const text = $("text").value.trim();
  if (!text) return;
  const editing = state.editing;
  stopEditing();
  $("text").value = "";
  await act(editing === null ? { text } : { edit: { id: editing, text } });
}

function pick(as) {
  closeMenus();
  state.sendAs = as;
  $("file").value = "";
  $("file").click();
}

async function sendPicture(file) {
  const form = new FormData();
  form.append("caption", $("text").value.trim());
  form.append("as", state.sendAs);
  try {
    const picture = await createImageBitmap(file);
    form.append("width", picture.width);
    form.append("height", picture.height);
    picture.close();
  } catch {
    /* not a picture that this browser knows; the server has its own guess */
  }
  form.append("photo", file);
  $("text").value = "";
  try {
    await ask(`/phone/chats/${state.chat}`, { method: "POST", body: form });
  } catch (error) {
    showStatus(`Not sent: ${error.message}`, false);
  }
}

function openPlace() {
  closeMenus();
  choosePlace();
  $("place").showModal();
}

function choosePlace() {
  const [, lat, lon] = PLACES[Number($("place-preset").value) || 0];
  $("lat").value = lat;
  $("lon").value = lon;
}

/* Menus and the panel -------------------------------------------------------------------------- */

function closeMenus() {
  for (const [menu, opener] of [["attachments", "attach"], ["commands", "open-commands"]]) {
    $(menu).hidden = true;
    $(opener).setAttribute("aria-expanded", "false");
  }
}

function toggle(menu, opener) {
  const open = $(menu).hidden;
  closeMenus();
  $(menu).hidden = !open;
  $(opener).setAttribute("aria-expanded", String(open));
}

function showCommands(language) {
  const known = state.world.commands;
  const list = known[language] || known[""] || [];
  $("open-commands").hidden = list.length === 0;
  $("commands").replaceChildren(...list.map((one) => make("button", {
    type: "button", role: "menuitem", onclick: () => act({ text: `/${one.command}` }),
  }, make("b", { textContent: `/${one.command}` }), make("span", { textContent: one.description }))));
}

function showChats() {
  $("chats").replaceChildren(...state.world.chats.map((chat, index) => make("button", {
    type: "button",
    textContent: `${chat.kind === "private" ? "👤" : "👥"} ${index + 1}. ${chat.name}`,
    ariaCurrent: String(chat.id === state.chat),
    onclick: () => { openPanel(false); follow(chat.id); },
  })));
}

function showFaults(faults) {
  for (const field of $("faults").elements) {
    if (!field.name || field === document.activeElement) continue;
    if (field.type === "checkbox") field.checked = faults[field.name];
    else field.value = String(faults[field.name]);
  }
}

async function setFault(field) {
  const value = field.type === "checkbox" ? field.checked : Number(field.value);
  if (Number.isNaN(value)) return;
  await post("/phone/faults", { [field.name]: value });
}

function openPanel(open) {
  $("panel").classList.toggle("open", open);
  $("open-panel").setAttribute("aria-expanded", String(open));
  if (open) $("close-panel").focus();
}

async function refresh() {
  const world = await ask("/phone");
  state.world = world;
  $("fact-bot").textContent = `@${world.bot.username}`;
  $("fact-mode").textContent = world.webhook ? `webhook ${world.webhook}` : "polling";
  $("fact-waiting").textContent = `${world.waiting} updates`;
  $("fact-taken").textContent = `${world.taken} messages`;
  $("fact-trouble").textContent = world.trouble;
  $("fact-trouble").hidden = $("fact-trouble-name").hidden = !world.trouble;
  $("fact-settings").textContent = `LIKEWISE_TELEGRAM_API_URL=${location.origin}\nLIKEWISE_TELEGRAM_TOKEN=${world.token}`;
  showFaults(world.faults);
  showChats();
}

async function newChat(kind, language) {
  const made = await post("/phone/chats", { kind, language });
  await refresh();
  openPanel(false);
  follow(made.id);
}

async function begin() {
  $("attachments").append(...ATTACH.map(([icon, label, onclick]) =>
    make("button", { type: "button", role: "menuitem", onclick },
      make("span", { textContent: icon, ariaHidden: "true" }), make("span", { textContent: label }))));
  $("place-preset").append(...PLACES.map(([name], index) => make("option", { value: String(index), textContent: name })));
  $("lines").onscroll = () => {
    const lines = $("lines");
    state.atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
  };
  const resized = new ResizeObserver(stayAtEnd);
  resized.observe($("lines"));
  $("lines").addEventListener("load", stayAtEnd, true);
  $("place-preset").onchange = choosePlace;
  $("place").onclose = () => {
    if ($("place").returnValue !== "share") return;
    act({ place: { lat: Number($("lat").value), lon: Number($("lon").value), name: $("place-name").value.trim(), live: $("live").checked } });
  };
  $("composer").onsubmit = (event) => { event.preventDefault(); send(); };
  $("text").onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === "Escape") stopEditing();
  };
  $("start").onclick = () => act({ text: "/start" });
  $("stop-editing").onclick = stopEditing;
  $("attach").onclick = () => toggle("attachments", "attach");
  $("open-commands").onclick = async () => { await refresh(); toggle("commands", "open-commands"); };
  $("file").onchange = () => { if ($("file").files[0]) sendPicture($("file").files[0]); };
  $("open-panel").onclick = () => openPanel(true);
  $("close-panel").onclick = () => { openPanel(false); $("open-panel").focus(); };
  $("faults").onsubmit = (event) => event.preventDefault();
  $("faults").onchange = (event) => setFault(event.target);
  $("blocked").onchange = () => act({ blocked: $("blocked").checked });
  $("migrate").onclick = () => act({ migrate: true });
  $("new-chat").onsubmit = (event) => { event.preventDefault(); newChat($("kind").value, $("language").value); };

  await refresh();
  let last = 0;
  try {
    last = Number(sessionStorage.getItem("chat"));
  } catch {
    last = 0;
  }
  const known = state.world.chats.find((chat) => chat.id === last) || state.world.chats.at(-1);
  if (known) follow(known.id);
  else await newChat("private", "en");
  setInterval(() => refresh().catch(() => {}), 2000);
}

begin();
