// Small helps for every page; each works only where the page asks for it with a data attribute,
// and every page works without them.
//
//   data-live="topic"   with an id: fetched again when the server says there is news of the topic
//   data-search="id"    on a GET form: results in #id follow the typing; the address follows too
//   data-address        where the page stands by itself, when it is shown in answer to a form
//   data-menu           the navigation behind a button, open on wide screens

// Before anything fetches the page again: the address of a form cannot be fetched.
const own = document.querySelector("[data-address]")?.dataset.address;
if (own && location.pathname !== own) history.replaceState(null, "", own);

const wide = matchMedia("(min-width: 901px)");
for (const menu of document.querySelectorAll("[data-menu]")) {
  const fit = () => { menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !wide.matches && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

/** Fetch a page of ours without counting as use of the session; null when it cannot be shown. */
export async function page(address, signal) {
  const answer = await fetch(address, { headers: { "X-Live": "1" }, signal });
  if (!answer.ok || answer.redirected) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Put the fresh part in the place of the old one, unless someone is at work in it (with the
 *  keyboard, or as long as it carries data-busy). */
export function swap(fresh, id) {
  const old = document.getElementById(id);
  const made = fresh?.getElementById(id);
  if (!old || !made || old.dataset.busy || old.innerHTML === made.innerHTML) return false;
  const inside = old.contains(document.activeElement) && document.activeElement !== old;
  if (inside && document.activeElement.matches("input, textarea, select")) return false;
  const kept = inside ? document.activeElement.id : "";
  old.replaceChildren(...made.childNodes);
  if (kept) document.getElementById(kept)?.focus();
  old.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
  return true;
}

const parts = [...document.querySelectorAll("[data-live][id]")];
if (parts.length && "EventSource" in window) {
  const topics = [...new Set(parts.map((part) => part.dataset.live))];
  const stream = new EventSource(`/console/events?topics=${topics.map(encodeURIComponent).join(",")}`);
  let missed = false;
  const refresh = async () => {
    if (document.hidden) { missed = true; return; }
    missed = false;
    const fresh = await page(location.href).catch(() => null);
    if (fresh) for (const part of parts) swap(fresh, part.id);
  };
  for (const topic of topics) stream.addEventListener(topic, refresh);
  // News between the making of the page and this moment rang for nobody: look once more.
  stream.addEventListener("open", refresh);
  stream.addEventListener("over", () => { stream.close(); location.reload(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && missed) refresh(); });
  addEventListener("pagehide", () => stream.close());
}

for (const form of document.querySelectorAll("form[data-search]")) {
  let wait = 0, last = null;
  const look = async () => {
    last?.abort();
    last = new AbortController();
    const query = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...query]) if (!value) query.delete(name, value);
    const address = `${form.action.split("?")[0]}?${query}`;
    const fresh = await page(address, last.signal).catch(() => null);
    if (!fresh) return;
    swap(fresh, form.dataset.search);
    history.replaceState(null, "", address);
  };
  form.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(look, 250); });
}
