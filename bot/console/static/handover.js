// Helps for the handover pages: presence, a sound when somebody new waits, sending with Ctrl+Enter,
// the typing signal, and standard replies put into the box. All of it works without, by plain forms.

const token = () => document.querySelector('input[name="token"]')?.value ?? "";
const post = (address) =>
  fetch(address, { method: "POST", headers: { "X-Form-Token": token(), "X-Live": "1" } }).catch(() => null);

// Who said that they are available stays so while the page is open.
const HERE_SECONDS = 60;
setInterval(() => post("/console/handover/here"), HERE_SECONDS * 1000);

// Sound -----------------------------------------------------------------------------------------

const sound = document.getElementById("sound");
let audio = null;
if (sound && "AudioContext" in window) {
  sound.hidden = false;
  sound.addEventListener("click", () => {
    if (audio) { audio.close(); audio = null; } else { audio = new AudioContext(); beep(); }
    sound.setAttribute("aria-pressed", String(Boolean(audio)));
    sound.textContent = audio ? sound.dataset.on : sound.dataset.off;
  });
}

function beep() {
  if (!audio) return;
  [[660, 0], [880, 0.16]].forEach(([pitch, after]) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.12, audio.currentTime + after);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + after + 0.15);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + after);
    tone.stop(audio.currentTime + after + 0.16);
  });
}

const queue = document.getElementById("queue");
if (queue) {
  const count = () => Number(queue.querySelector("[data-count]")?.dataset.count ?? 0);
  const title = document.title;
  let last = count();
  const show = () => { document.title = last ? `(${last}) ${title}` : title; };
  show();
  queue.addEventListener("swapped", () => {
    const now = count();
    if (now > last) {
      beep();
      const news = document.getElementById("news");
      if (news) { news.textContent = ""; news.textContent = news.dataset.text; }
    }
    last = now;
    show();
  });
}

// The composer ----------------------------------------------------------------------------------

const lines = document.getElementById("lines");
if (lines) {
  const down = () => { lines.scrollTop = lines.scrollHeight; };
  down();
  lines.addEventListener("swapped", down);
  lines.addEventListener("load", down, true); // a picture that arrives makes the talk longer
}

const composer = document.getElementById("composer");
const text = document.getElementById("text");
if (composer && text) {
  const TYPING_EVERY = 4000;
  const picture = document.getElementById("picture");
  let told = 0;
  text.addEventListener("input", () => {
    text.setCustomValidity("");
    const now = Date.now();
    if (!text.value.trim() || now - told < TYPING_EVERY) return;
    told = now;
    post(composer.dataset.typing);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });
  composer.addEventListener("submit", (event) => {
    const ready = text.value.trim() || picture?.files.length || composer.querySelector('[name="photo"]');
    if (!ready) {
      event.preventDefault();
      text.setCustomValidity(composer.dataset.empty);
      text.reportValidity();
      return;
    }
    for (const button of composer.querySelectorAll("button")) button.disabled = true;
  });
  addEventListener("pageshow", () => {
    for (const button of composer.querySelectorAll("button")) button.disabled = false;
  });

  // A picture: shown before it is sent, and refused here already when it is too large. Its words
  // are needed as soon as there is one. It can be pasted, too.
  const seen = document.getElementById("picture-seen");
  const alt = document.getElementById("alt");
  const chosen = async () => {
    const file = picture.files[0];
    picture.setCustomValidity(file && file.size > Number(picture.dataset.most) ? picture.dataset.large : "");
    alt.required = Boolean(file);
    seen.hidden = true;
    if (!file || !picture.reportValidity()) return;
    const image = await createImageBitmap(file).catch(() => null); // HEIC: only the server can
    if (!image || picture.files[0] !== file) return;
    const scale = Math.min(1, 320 / Math.max(image.width, image.height));
    seen.width = Math.round(image.width * scale);
    seen.height = Math.round(image.height * scale);
    seen.getContext("2d").drawImage(image, 0, 0, seen.width, seen.height);
    seen.hidden = false;
    if (!alt.value) alt.focus();
  };
  picture?.addEventListener("change", chosen);
  text.addEventListener("paste", (event) => {
    if (![...event.clipboardData.files].some((file) => file.type.startsWith("image/"))) return;
    event.preventDefault();
    document.getElementById("attach").open = true;
    picture.files = event.clipboardData.files;
    chosen();
  });

  const canned = document.getElementById("canned");
  canned?.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = canned.querySelector("select").selectedOptions[0]?.dataset.text ?? "";
    const before = text.value.trimEnd();
    text.value = before ? `${before}\n${words}` : words;
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// When the request changes hands, what may be done on the page changes too.
const stand = document.getElementById("stand");
if (stand) {
  const before = stand.querySelector('[name="version"]')?.value;
  const mine = stand.dataset.mine;
  stand.addEventListener("swapped", async () => {
    if (stand.querySelector('[name="version"]')?.value === before || text?.value.trim()) return;
    const { page } = await import("./console.js");
    const fresh = await page(location.href).catch(() => null);
    const now = fresh?.getElementById("stand")?.dataset;
    if (now && (now.mine !== mine || now.state !== stand.dataset.state)) location.reload();
  });
}
