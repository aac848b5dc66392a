/*
 * <likewise-chat>: the web chat of Likewise, one module without dependencies.
 *
 * In comes what a person types, chooses or shares; out goes the contract of docs/chat-api.md.
 * Three parts: Api speaks HTTP, Conversation keeps the session, the sending queue and the
 * reading loop, LikewiseChat draws. A message keeps its client id until the server has it, so
 * sending it again is always safe. Server text only ever becomes text nodes, never markup.
 *
 *   <script type="module" src="/static/likewise-chat.js"></script>
 *   <likewise-chat lang="nl" privacy="/privacy"></likewise-chat>
 *
 * Attributes: lang (en, nl, de, da), src (address of the server, default this one), open,
 * heading (title of the panel), privacy (address of the privacy page), lang-param (name of a
 * query parameter of the page that may set the language). Any element of the page with
 * data-likewise-open opens the chat; data-likewise-ask="question" opens it and asks.
 * Colours: the custom properties --likewise-accent and --likewise-on-accent.
 */

const MAX_TEXT = 4000; // docs/chat-api.md: a longer text is answered with 422
const SEND_TIMEOUT = 15_000;
const READ_TIMEOUT = 20_000;
const UPLOAD_TIMEOUT = 180_000; // docs/chat-api.md: so long the server waits for a photo
const STREAM_SILENCE = 90_000; // a stream silent for so long is opened again
const STREAM_TRIES = 2; // failures in a row before reading falls back to polling
const STREAM_AGAIN = 120_000; // while polling, streaming is tried again after this time
const ECHO_PATIENCE = 3_000; // an accepted message should come back by then
const TYPING_SHOWN = 8_000;
const HIDDEN_PATIENCE = 60_000; // a hidden page gives its connection back after this time
const MAX_WAIT = 30; // seconds; a longer Retry-After is left to the person

const STRINGS = {
  en: {
    launcher: "Ask a question",
    unread: (n) => (n === 1 ? "1 new message" : `${n} new messages`),
    heading: "Ask the city",
    subtitle: "Automatic assistant",
    close: "Close the chat",
    log: "Conversation",
    welcome:
      "Hello! I am the automatic assistant of the city. " +
      "Ask me a question, or tell me about a problem in your street.",
    examples: "Examples",
    starters: ["Report a problem", "When is my bin collected?", "I need a new passport"],
    message: "Your message",
    placeholder: "Type your message",
    send: "Send",
    you: "You",
    bot: "Assistant",
    agent: "City staff",
    typing: "The assistant is typing",
    typingAgent: "City staff is typing",
    choose: "Choose an answer",
    sending: "Sending…",
    sent: "Sent",
    failed: "Not sent.",
    retry: "Try again",
    edit: "Change the text",
    place: "Share my position",
    placing: "Looking for your position…",
    placed: "My position",
    placeFailed: "We could not find your position. Please type the street and the number.",
    newTab: "opens in a new tab",
    newer: "More below",
    offline: "You are offline. You can go on when you have internet again.",
    connecting: "We cannot reach the city at the moment. We keep trying.",
    restarted: "A new conversation starts here.",
    network: "We could not send your message. Please try again.",
    conflict: "Something went wrong with this message. Please try again.",
    tooLong: "Your message is too long. Please make it shorter.",
    unclear: "We could not read this message. Please change it and send it again.",
    waiting: "That is a lot at once. We send your message in a moment.",
    busy: "It is very busy. Please wait a minute and try again.",
    refused: "The chat does not work on this website. Please contact the city another way.",
    privacy: "Privacy",
    photo: "Add a photo",
    photoYours: "Your photo",
    photoRemove: "Remove the photo",
    photoSending: (n) => `Sending the photo: ${n} %`,
    photoChecking: "Checking the photo…",
    photoReady: "The photo is ready. Write something with it, or press Send.",
    photoWait: "Your message goes out as soon as the photo is there.",
    photoShow: "Show the photo larger",
    photoGone: "We do not keep this photo any more.",
    photoType: "We cannot use this file. Please choose a photo (JPEG, PNG, WebP or HEIC).",
    photoLarge: "Your photo is too large. Please choose a smaller one.",
    photoBroken: "We cannot open this photo. Please choose another one, or take a new one.",
    photoFailed: "We could not send your photo. Please try again.",
    photoLost: "Your photo is no longer there. Please add it again.",
  },
  nl: {
    launcher: "Stel een vraag",
    unread: (n) => (n === 1 ? "1 nieuw bericht" : `${n} nieuwe berichten`),
    heading: "Vraag het de gemeente",
    subtitle: "Automatische assistent",
    close: "Sluit de chat",
    log: "Gesprek",
    welcome:
      "Hallo! Ik ben de automatische assistent van de gemeente. " +
      "Stel een vraag, of vertel over een probleem in uw straat.",
    examples: "Voorbeelden",
    starters: [
      "Een probleem melden",
      "Wanneer wordt mijn afval opgehaald?",
      "Ik wil een nieuw paspoort",
    ],
    message: "Uw bericht",
    placeholder: "Typ uw bericht",
    send: "Verstuur",
    you: "U",
    bot: "Assistent",
    agent: "Medewerker",
    typing: "De assistent typt",
    typingAgent: "Een medewerker typt",
    choose: "Kies een antwoord",
    sending: "Versturen…",
    sent: "Verstuurd",
    failed: "Niet verstuurd.",
    retry: "Probeer opnieuw",
    edit: "Pas de tekst aan",
    place: "Deel mijn locatie",
    placing: "We zoeken uw locatie…",
    placed: "Mijn locatie",
    placeFailed: "We konden uw locatie niet vinden. Typ de straat en het huisnummer.",
    newTab: "opent in een nieuw tabblad",
    newer: "Lees verder",
    offline: "U bent offline. U kunt verder als u weer internet hebt.",
    connecting: "We kunnen de gemeente nu niet bereiken. We blijven het proberen.",
    restarted: "Hier begint een nieuw gesprek.",
    network: "Uw bericht is niet verstuurd. Probeer het opnieuw.",
    conflict: "Er ging iets mis met dit bericht. Probeer het opnieuw.",
    tooLong: "Uw bericht is te lang. Maak het korter.",
    unclear: "We konden dit bericht niet lezen. Pas het aan en verstuur het opnieuw.",
    waiting: "Dat is veel tegelijk. We versturen uw bericht zo.",
    busy: "Het is erg druk. Wacht een minuut en probeer het opnieuw.",
    refused: "De chat werkt niet op deze website. Neem op een andere manier contact op.",
    privacy: "Privacy",
    photo: "Voeg een foto toe",
    photoYours: "Uw foto",
    photoRemove: "Haal de foto weg",
    photoSending: (n) => `De foto wordt verstuurd: ${n} %`,
    photoChecking: "We bekijken de foto…",
    photoReady: "De foto staat klaar. Schrijf er iets bij, of kies Verstuur.",
    photoWait: "Uw bericht gaat weg zodra de foto er is.",
    photoShow: "Bekijk de foto groter",
    photoGone: "We bewaren deze foto niet meer.",
    photoType: "We kunnen dit bestand niet gebruiken. Kies een foto (JPEG, PNG, WebP of HEIC).",
    photoLarge: "Uw foto is te groot. Kies een kleinere foto.",
    photoBroken: "We kunnen deze foto niet openen. Kies een andere, of maak een nieuwe.",
    photoFailed: "Uw foto is niet verstuurd. Probeer het opnieuw.",
    photoLost: "Uw foto is er niet meer. Voeg hem opnieuw toe.",
  },
  de: {
    launcher: "Frage stellen",
    unread: (n) => (n === 1 ? "1 neue Nachricht" : `${n} neue Nachrichten`),
    heading: "Fragen Sie die Stadt",
    subtitle: "Automatischer Assistent",
    close: "Chat schließen",
    log: "Gespräch",
    welcome:
      "Hallo! Ich bin der automatische Assistent der Stadt. " +
      "Stellen Sie eine Frage, oder melden Sie ein Problem in Ihrer Straße.",
    examples: "Beispiele",
    starters: [
      "Ein Problem melden",
      "Wann wird mein Müll abgeholt?",
      "Ich brauche einen neuen Pass",
    ],
    message: "Ihre Nachricht",
    placeholder: "Nachricht schreiben",
    send: "Senden",
    you: "Sie",
    bot: "Assistent",
    agent: "Mitarbeiter der Stadt",
    typing: "Der Assistent schreibt",
    typingAgent: "Jemand von der Stadt schreibt",
    choose: "Wählen Sie eine Antwort",
    sending: "Wird gesendet…",
    sent: "Gesendet",
    failed: "Nicht gesendet.",
    retry: "Noch einmal",
    edit: "Text ändern",
    place: "Meinen Standort teilen",
    placing: "Ihr Standort wird gesucht…",
    placed: "Mein Standort",
    placeFailed:
      "Wir haben Ihren Standort nicht gefunden. Bitte schreiben Sie Straße und Hausnummer.",
    newTab: "öffnet in einem neuen Tab",
    newer: "Weiter unten",
    offline: "Sie sind offline. Mit Internet können Sie weiterschreiben.",
    connecting: "Wir erreichen die Stadt gerade nicht. Wir versuchen es weiter.",
    restarted: "Hier beginnt ein neues Gespräch.",
    network: "Ihre Nachricht wurde nicht gesendet. Bitte versuchen Sie es noch einmal.",
    conflict: "Mit dieser Nachricht ging etwas schief. Bitte versuchen Sie es noch einmal.",
    tooLong: "Ihre Nachricht ist zu lang. Bitte kürzen Sie sie.",
    unclear: "Wir konnten die Nachricht nicht lesen. Bitte ändern Sie sie und senden Sie sie neu.",
    waiting: "Das ist viel auf einmal. Wir senden Ihre Nachricht gleich.",
    busy: "Es ist sehr viel los. Bitte versuchen Sie es in einer Minute noch einmal.",
    refused:
      "Der Chat geht auf dieser Website nicht. Bitte erreichen Sie die Stadt auf anderem Weg.",
    privacy: "Datenschutz",
    photo: "Foto hinzufügen",
    photoYours: "Ihr Foto",
    photoRemove: "Foto entfernen",
    photoSending: (n) => `Das Foto wird gesendet: ${n} %`,
    photoChecking: "Das Foto wird geprüft…",
    photoReady: "Das Foto ist bereit. Schreiben Sie etwas dazu, oder drücken Sie auf Senden.",
    photoWait: "Ihre Nachricht geht los, sobald das Foto da ist.",
    photoShow: "Foto größer zeigen",
    photoGone: "Dieses Foto bewahren wir nicht mehr auf.",
    photoType:
      "Diese Datei können wir nicht verwenden. " +
      "Bitte wählen Sie ein Foto (JPEG, PNG, WebP oder HEIC).",
    photoLarge: "Ihr Foto ist zu groß. Bitte wählen Sie ein kleineres.",
    photoBroken:
      "Wir können dieses Foto nicht öffnen. " +
      "Bitte wählen Sie ein anderes, oder machen Sie ein neues.",
    photoFailed: "Ihr Foto wurde nicht gesendet. Bitte versuchen Sie es noch einmal.",
    photoLost: "Ihr Foto ist nicht mehr da. Bitte fügen Sie es noch einmal hinzu.",
  },
  da: {
    launcher: "Stil et spørgsmål",
    unread: (n) => (n === 1 ? "1 ny besked" : `${n} nye beskeder`),
    heading: "Spørg kommunen",
    subtitle: "Automatisk assistent",
    close: "Luk chatten",
    log: "Samtale",
    welcome:
      "Hej! Jeg er kommunens automatiske assistent. " +
      "Stil et spørgsmål, eller fortæl om et problem i din gade.",
    examples: "Eksempler",
    starters: ["Meld et problem", "Hvornår bliver mit affald hentet?", "Jeg skal have et nyt pas"],
    message: "Din besked",
    placeholder: "Skriv din besked",
    send: "Send",
    you: "Du",
    bot: "Assistent",
    agent: "Medarbejder",
    typing: "Assistenten skriver",
    typingAgent: "En medarbejder skriver",
    choose: "Vælg et svar",
    sending: "Sender…",
    sent: "Sendt",
    failed: "Ikke sendt.",
    retry: "Prøv igen",
    edit: "Ret teksten",
    place: "Del min position",
    placing: "Vi leder efter din position…",
    placed: "Min position",
    placeFailed: "Vi kunne ikke finde din position. Skriv gaden og husnummeret.",
    newTab: "åbner i en ny fane",
    newer: "Læs videre",
    offline: "Du er offline. Du kan fortsætte, når du har internet igen.",
    connecting: "Vi kan ikke få fat i kommunen lige nu. Vi prøver igen.",
    restarted: "Her begynder en ny samtale.",
    network: "Din besked blev ikke sendt. Prøv igen.",
    conflict: "Noget gik galt med denne besked. Prøv igen.",
    tooLong: "Din besked er for lang. Gør den kortere.",
    unclear: "Vi kunne ikke læse beskeden. Ret den, og send den igen.",
    waiting: "Det er meget på én gang. Vi sender din besked om lidt.",
    busy: "Der er meget travlt. Vent et minut, og prøv igen.",
    refused: "Chatten virker ikke på denne hjemmeside. Kontakt kommunen på en anden måde.",
    privacy: "Privatliv",
    photo: "Tilføj et billede",
    photoYours: "Dit billede",
    photoRemove: "Fjern billedet",
    photoSending: (n) => `Billedet sendes: ${n} %`,
    photoChecking: "Vi ser på billedet…",
    photoReady: "Billedet er klar. Skriv noget til det, eller tryk på Send.",
    photoWait: "Din besked sendes, når billedet er kommet.",
    photoShow: "Vis billedet større",
    photoGone: "Vi gemmer ikke dette billede mere.",
    photoType: "Vi kan ikke bruge denne fil. Vælg et billede (JPEG, PNG, WebP eller HEIC).",
    photoLarge: "Dit billede er for stort. Vælg et mindre.",
    photoBroken: "Vi kan ikke åbne dette billede. Vælg et andet, eller tag et nyt.",
    photoFailed: "Dit billede blev ikke sendt. Prøv igen.",
    photoLost: "Dit billede er der ikke mere. Tilføj det igen.",
  },
};

/* ---------------------------------------------------------------- small pieces */

/** "nl-BE" becomes "nl"; a language without strings becomes null. */
function knownLanguage(tag) {
  const primary = (tag ?? "").trim().toLowerCase().split("-")[0];
  return Object.hasOwn(STRINGS, primary) ? primary : null;
}

function freshId() {
  // crypto.randomUUID is missing on pages without https.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Browser storage that never throws: blocked or full storage means "not kept". */
class Shelf {
  #kind;
  #key;

  constructor(kind, key) {
    this.#kind = kind;
    this.#key = key;
  }

  get() {
    try {
      return JSON.parse(globalThis[this.#kind].getItem(this.#key));
    } catch {
      return null;
    }
  }

  set(value) {
    try {
      if (value === null) globalThis[this.#kind].removeItem(this.#key);
      else globalThis[this.#kind].setItem(this.#key, JSON.stringify(value));
    } catch {
      // The conversation lives on in memory.
    }
  }
}

/** An element from plain values; text and children become nodes, never markup. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const ICONS = {
  chat: "M4 5.5h16v11H11l-4.5 3.5v-3.5H4z M8 9.5h8 M8 12.7h5",
  close: "M6 6l12 12 M18 6L6 18",
  send: "M4.5 12h14 M12.5 6l6 6-6 6",
  place:
    "M12 21s6.5-6.2 6.5-11A6.5 6.5 0 0 0 5.5 10c0 4.8 6.5 11 6.5 11z " +
    "M12 12.300a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.600z",
  photo:
    "M4 8.500h3.300L9 6h6l1.700 2.500H20v10.500H4z " +
    "M12 17a3.300 3.300 0 1 0 0-6.600 3.300 3.300 0 0 0 0 6.600z",
  down: "M12 5v13 M6 12.500l6 6 6-6",
  out: "M9 6H5.500v12.500H18V15 M13 5.500h5.500V11 M18 6l-7.5 7.5",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A full address when its kind is allowed, else null; keeps `javascript:` and the like out. */
function safeAddress(address, base, kinds) {
  try {
    const url = new URL(address, base);
    return kinds.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Splits off what rarely belongs to an address: closing punctuation and unmatched brackets. */
function trimAddress(raw) {
  let end = raw.length;
  for (; end > 0; end -= 1) {
    const last = raw[end - 1];
    const head = raw.slice(0, end);
    const unmatched = last === ")" && head.split(")").length > head.split("(").length;
    if (!unmatched && !".,;:!?'\"”’»]}*".includes(last)) break;
  }
  return raw.slice(0, end);
}

/** Text as nodes, with bare http(s) addresses as anchors. */
function linked(text, makeAnchor) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>]+/gi)) {
    const raw = trimAddress(match[0]);
    const href = safeAddress(raw, undefined, ["http:", "https:"]);
    if (href === null) continue;
    nodes.push(text.slice(from, match.index), makeAnchor(href, raw));
    from = match.index + raw.length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

/** Server-sent events out of a byte stream, by the field rules of the HTML standard. */
async function* readEvents(body, onBytes) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let name = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      onBytes();
      rest += decoder.decode(value, { stream: true });
      // A lone CR at the very end may be the first half of CR LF: it waits for the next bytes.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { name: name || "message", data: data.join("\n") };
          name = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        if (colon === 0) continue;
        const field = colon < 0 ? line : line.slice(0, colon);
        const content = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") name = content;
        else if (field === "data") data.push(content);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/* ---------------------------------------------------------------- Api: HTTP */

class Refusal extends Error {
  constructor(status, retryAfter, code) {
    super(`answered ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
    this.code = code ?? null;
  }
}

class Api {
  constructor(base) {
    this.base = base.replace(/\/+$/, "");
  }

  async #ask(path, { token, timeout, signal, headers = {}, ...rest }) {
    const clock = new AbortController();
    const stop = () => clock.abort();
    const timer = timeout ? setTimeout(stop, timeout) : undefined;
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    try {
      const response = await fetch(this.base + path, {
        ...rest,
        headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
        signal: clock.signal,
        cache: "no-store",
        credentials: "omit",
      });
      if (!response.ok) {
        const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
        throw new Refusal(response.status, Number.isFinite(seconds) ? seconds : null);
      }
      // A stream keeps its signal; an ordinary answer is read inside the time limit.
      return timeout ? await response.json() : response;
    } finally {
      clearTimeout(timer);
      if (timeout) signal?.removeEventListener("abort", stop);
    }
  }

  #post(path, body, rest) {
    return this.#ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      timeout: SEND_TIMEOUT,
      ...rest,
    });
  }

  session(language) {
    return this.#post("/chat/session", { language });
  }

  send(token, message) {
    return this.#post("/chat/messages", message, { token });
  }

  messages(token, after, signal) {
    return this.#ask(`/chat/messages?after=${after}`, { token, signal, timeout: READ_TIMEOUT });
  }

  async picture(token, photo) {
    const answer = await this.#ask(`/chat/photos/${photo}?size=small`, { token });
    return answer.blob();
  }

  async largePicture(token, photo) {
    const answer = await this.#ask(`/chat/photos/${photo}`, { token });
    return answer.blob();
  }

  /** An upload with its progress, which only XMLHttpRequest can tell. */
  upload(token, file, onProgress, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const form = new FormData();
      form.append("photo", file);
      request.open("POST", `${this.base}/chat/photos`);
      request.setRequestHeader("Authorization", `Bearer ${token}`);
      request.responseType = "json";
      request.timeout = UPLOAD_TIMEOUT;
      request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
        if (lengthComputable) onProgress(Math.floor((100 * loaded) / total));
      });
      request.addEventListener("load", () => {
        if (request.status === 201 && request.response?.photo) {
          resolve(request.response.photo);
          return;
        }
        const seconds = Number.parseInt(request.getResponseHeader("Retry-After") ?? "", 10);
        const code = request.response?.error?.code;
        reject(new Refusal(request.status, Number.isFinite(seconds) ? seconds : null, code));
      });
      for (const trouble of ["error", "timeout", "abort"]) {
        request.addEventListener(trouble, () => reject(new Error(trouble)));
      }
      signal.addEventListener("abort", () => request.abort());
      request.send(form);
    });
  }

  events(token, after, signal) {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
    return this.#ask("/chat/events", { token, signal, headers });
  }
}

/* ---------------------------------------------------------------- Conversation */

/**
 * One person's conversation: session, sending queue, reading loop.
 *
 * Tells its listener: message(m), own(item), typing(byPerson), status(key or null), notice(key),
 * restarted(), loading(bool). An own item is {id, content, label, state, reason, heldAt};
 * its state is "sending", "sent" or "failed".
 */
class Conversation {
  #api;
  #listener;
  #language;
  #tokens;
  #unsent;
  #session = null;
  #opening = null;
  #cursor = 0;
  #seen = new Set();
  #items = new Map();
  #queue = [];
  #draining = false;
  #running = null;
  #stream = null;
  #streamFailures = 0;
  #sleepers = new Set();

  constructor(base, language, listener) {
    this.#api = new Api(base);
    this.#language = language;
    this.#listener = listener;
    this.#tokens = new Shelf("localStorage", `likewise-chat:session:${this.#api.base}`);
    this.#unsent = new Shelf("sessionStorage", `likewise-chat:unsent:${this.#api.base}`);
  }

  set language(value) {
    this.#language = value;
  }

  get running() {
    return this.#running !== null;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    if (this.#items.size === 0) this.#restoreUnsent();
    this.#follow(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.wake();
  }

  /** Something changed (network back, page visible): try now instead of later. */
  wake() {
    for (const ring of [...this.#sleepers]) ring();
  }

  send(content, label) {
    const item = { id: freshId(), content, label, state: "sending", reason: null };
    this.#items.set(item.id, item);
    this.#keepUnsent();
    this.#listener.own(item);
    this.#enqueue(item);
  }

  retry(id) {
    const item = this.#items.get(id);
    if (!item || item.state !== "failed") return;
    if (item.reason === "conflict") {
      // The server holds other content under this id: only a new id can carry this text.
      this.#items.delete(id);
      this.#listener.forget(id);
      this.send(item.content, item.label);
      return;
    }
    this.#settle(item, "sending", null);
    this.#enqueue(item);
  }

  /** Brings a photo to the server; gives its id. A session that has ended begins anew. */
  async upload(file, onProgress, signal) {
    for (let restarts = 0; ; restarts += 1) {
      const token = await this.#token();
      try {
        return await this.#api.upload(token, file, onProgress, signal);
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== 401 || restarts > 1) throw error;
        this.#drop(token);
      }
    }
  }

  /** The picture of a photo of this conversation, small or as large as it is kept. */
  async picture(photo, large) {
    const token = await this.#token();
    return large ? this.#api.largePicture(token, photo) : this.#api.picture(token, photo);
  }

  /** Takes a failed message out, to be changed by the person. */
  withdraw(id) {
    this.#items.delete(id);
    this.#keepUnsent();
    this.#listener.forget(id);
  }

  retryUnreached() {
    for (const item of this.#items.values()) {
      if (item.state === "failed" && ["network", "offline"].includes(item.reason)) {
        this.retry(item.id);
      }
    }
  }

  /* -- session -- */

  async #token() {
    if (this.#session === null) {
      const kept = this.#tokens.get();
      if (kept?.token && !(Date.parse(kept.expires_at) <= Date.now())) this.#session = kept;
    }
    if (this.#session === null) {
      this.#opening ??= this.#api
        .session(this.#language)
        .then((session) => {
          this.#session = session;
          this.#tokens.set(session);
        })
        .finally(() => {
          this.#opening = null;
        });
      await this.#opening;
    }
    return this.#session.token;
  }

  /** After a 401: what was typed stays, the conversation starts anew. */
  #drop(token) {
    if (this.#session?.token !== token) return; // the other loop was faster
    this.#session = null;
    if (this.#tokens.get()?.token === token) this.#tokens.set(null); // else another tab renewed it
    const hadMessages = this.#seen.size > 0;
    this.#cursor = 0;
    this.#seen.clear();
    for (const [id, item] of this.#items) if (item.state === "sent") this.#items.delete(id);
    this.#stream?.abort();
    if (hadMessages) this.#listener.restarted();
  }

  /* -- sending: one at a time, so the order is the order of typing -- */

  #enqueue(item) {
    this.#queue.push(item);
    if (!this.#draining) this.#drain();
  }

  async #drain() {
    this.#draining = true;
    while (this.#queue.length) await this.#deliver(this.#queue.shift());
    this.#draining = false;
  }

  async #deliver(item) {
    let restarts = 0;
    for (let attempt = 1; item.state === "sending"; attempt += 1) {
      let token = null;
      try {
        token = await this.#token();
        await this.#api.send(token, { id: item.id, ...item.content });
        if (item.state === "sending") this.#settle(item, "sent", null);
        this.#expectEcho(item);
        this.wake();
        return;
      } catch (error) {
        const status = error instanceof Refusal ? error.status : 0;
        if (status === 401 && token !== null && restarts < 2) {
          restarts += 1;
          this.#drop(token);
          continue;
        }
        if (status === 429 && attempt < 4 && (error.retryAfter ?? 5) <= MAX_WAIT) {
          this.#listener.notice("waiting");
          await asleep((error.retryAfter ?? 5) * 1000); // nothing wakes this wait early
          continue;
        }
        const reason =
          status === 422 && item.content.photo ? "photoLost" : refusalReason(status);
        if (reason === "network" && navigator.onLine !== false && attempt < 3) {
          await this.#pause(attempt * 1000);
          continue;
        }
        this.#settle(item, "failed", reason);
        return;
      }
    }
  }

  #settle(item, state, reason) {
    item.state = state;
    item.reason = reason === "network" && navigator.onLine === false ? "offline" : reason;
    this.#keepUnsent();
    this.#listener.own(item);
  }

  /** A stream can look open and bring nothing (a buffering proxy): then ask directly. */
  #expectEcho(item) {
    setTimeout(async () => {
      if (!this.#running || this.#items.get(item.id)?.state !== "sent" || item.echoed) return;
      try {
        const signal = this.#running.signal;
        if ((await this.#catchUp(signal)) > 0 && this.#stream) {
          this.#streamFailures += 1;
          this.#stream.abort("stalled");
        }
      } catch {
        this.wake(); // the reading loop meets the same trouble and deals with it
      }
    }, ECHO_PATIENCE);
  }

  #keepUnsent() {
    const open = [...this.#items.values()].filter((item) => item.state !== "sent");
    const kept = open.map(({ id, content, label }) => ({ id, content, label }));
    this.#unsent.set(kept.length ? kept : null);
  }

  #restoreUnsent() {
    const kept = this.#unsent.get();
    if (!Array.isArray(kept)) return;
    for (const { id, content, label } of kept) {
      const item = { id, content, label, state: "failed", reason: "restored" };
      this.#items.set(id, item);
      this.#listener.own(item);
    }
  }

  /* -- reading -- */

  async #follow(signal) {
    let failures = 0;
    let quiet = 0;
    let pollingSince = 0;
    this.#listener.loading(true);
    while (!signal.aborted) {
      let token = null;
      try {
        token = await this.#token();
        const found = await this.#catchUp(signal);
        quiet = found > 0 || this.#queue.length ? 0 : quiet + 1;
        failures = 0;
        this.#listener.status(null);
        this.#listener.loading(false);
        if (this.#streamFailures < STREAM_TRIES) {
          await this.#listen(token, signal);
          pollingSince = Date.now();
        } else {
          await this.#pause(Math.min(10_000, 1500 * 1.3 ** quiet));
          const tryAgain = Date.now() - pollingSince > STREAM_AGAIN;
          if (tryAgain) this.#streamFailures = STREAM_TRIES - 1;
        }
      } catch (error) {
        if (signal.aborted) return;
        const status = error instanceof Refusal ? error.status : 0;
        if (status === 403) {
          this.#listener.loading(false);
          this.#listener.status("refused");
          this.stop();
          return;
        }
        failures += 1;
        if (status === 401 && token !== null) {
          this.#drop(token);
          if (failures < 3) continue;
        }
        if (navigator.onLine === false) this.#listener.status("offline");
        else if (status === 429) this.#listener.status("busy");
        else if (failures > 1) this.#listener.status("connecting");
        await this.#pause(backoff(failures, error.retryAfter));
      }
      await this.#whilePageIsHidden(signal);
    }
  }

  async #catchUp(signal) {
    let found = 0;
    for (;;) {
      const token = await this.#token();
      const after = this.#cursor;
      const page = await this.#api.messages(token, after, signal);
      if (this.#session?.token !== token) return found;
      for (const message of page.messages) found += this.#take(message);
      this.#cursor = Math.max(this.#cursor, page.next ?? 0);
      if (page.messages.length === 0 || this.#cursor <= after) return found;
    }
  }

  /** Reads the stream until it ends; only a 401 is the caller's business. */
  async #listen(token, signal) {
    const stream = new AbortController();
    const stop = () => stream.abort();
    const startedAt = Date.now();
    let silence;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, STREAM_SILENCE);
    };
    this.#stream = stream;
    signal.addEventListener("abort", stop);
    document.addEventListener("visibilitychange", this.#restWhenHidden);
    let brought = false;
    try {
      alive();
      const response = await this.#api.events(token, this.#cursor, stream.signal);
      if (!response.body) throw new Error("no streaming here");
      for await (const event of readEvents(response.body, alive)) {
        if (this.#session?.token !== token) return;
        if (event.name === "typing") this.#listener.typing(event.data.includes('"agent"'));
        else if (event.name === "message" && this.#take(JSON.parse(event.data))) brought = true;
      }
    } catch (error) {
      if (error instanceof Refusal && [401, 403].includes(error.status)) throw error;
      if (error instanceof Refusal) this.#streamFailures += 1;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", this.#restWhenHidden);
      if (this.#stream === stream) this.#stream = null;
    }
    const lasted = Date.now() - startedAt;
    if (stream.signal.reason === "stalled") return;
    if (brought || lasted > 20_000) this.#streamFailures = 0;
    else if (!stream.signal.aborted) {
      this.#streamFailures += 1;
      await this.#pause(backoff(this.#streamFailures, null));
    }
  }

  #restWhenHidden = () => {
    const stream = this.#stream;
    if (!document.hidden) return;
    setTimeout(() => document.hidden && stream?.abort(), HIDDEN_PATIENCE);
  };

  /** Browsers open few connections to one server: a page that nobody sees holds none. */
  async #whilePageIsHidden(signal) {
    while (document.hidden && !signal.aborted) await this.#pause(HIDDEN_PATIENCE);
  }

  /** Takes in one message of the server, once; 1 when it was new. */
  #take(message) {
    if (this.#seen.has(message.cursor)) return 0;
    this.#seen.add(message.cursor);
    this.#cursor = Math.max(this.#cursor, message.cursor);
    const own = message.from === "citizen" ? this.#items.get(message.in_reply_to) : undefined;
    if (own) {
      own.echoed = true;
      // The server's copy may be here before the answer to the request, or instead of it.
      if (own.state !== "sent") this.#settle(own, "sent", null);
    }
    this.#listener.message(message);
    return 1;
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const ring = () => {
        clearTimeout(timer);
        this.#sleepers.delete(ring);
        resolve();
      };
      const timer = setTimeout(ring, milliseconds);
      this.#sleepers.add(ring);
    });
  }
}

function asleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function refusalReason(status) {
  if (status === 409) return "conflict";
  if (status === 413) return "tooLong";
  if (status === 400 || status === 422) return "unclear";
  if (status === 429) return "busy";
  if (status === 403) return "refused";
  return "network";
}

function backoff(failures, retryAfter) {
  if (retryAfter) return Math.min(retryAfter, 120) * 1000;
  return Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

/* ---------------------------------------------------------------- looks */

const SHEET_TEXT = `
:host {
  all: initial;
  --accent: var(--likewise-accent, #0d5c4b);
  --on-accent: var(--likewise-on-accent, #ffffff);
  --ink: #17241f;
  --quiet: #4c5a54;
  --line: #cfd8d3;
  --paper: #ffffff;
  --bot: #eef3f0;
  --staff: #fff3d9;
  --alarm: #a3211b;
  --text: max(16px, 1rem);
  --focus: #1a4fbf;
  color-scheme: light;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-size: var(--text);
  line-height: 1.5;
  color: var(--ink);
}
:host([hidden]) { display: none; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
svg {
  width: 1.5em; height: 1.5em; flex: none; fill: none; stroke: currentColor;
  stroke-width: 2; stroke-linecap: round; stroke-linejoin: round;
}
button, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
button { cursor: pointer; touch-action: manipulation; }
:focus { outline: none; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}

.launcher {
  position: fixed; z-index: 2147483000;
  inset-block-end: max(20px, env(safe-area-inset-bottom));
  inset-inline-end: max(20px, env(safe-area-inset-right));
  display: flex; align-items: center; gap: 10px;
  min-height: 56px; padding: 12px 22px 12px 18px;
  border: 2px solid transparent; border-radius: 28px;
  background: var(--accent); color: var(--on-accent); font-weight: 600;
  box-shadow: 0 0 0 2px rgb(255 255 255 / .85), 0 8px 28px rgb(10 40 32 / .32);
  transition: transform .15s ease, box-shadow .15s ease;
}
.launcher:hover { transform: translateY(-2px); }
.launcher:focus-visible { outline-offset: 4px; }
.badge {
  min-width: 1.75em; padding: 0 .45em; border-radius: 1em; background: #ffffff;
  color: var(--alarm); text-align: center; font-weight: 700;
}

.panel {
  position: fixed; z-index: 2147483000; inset: auto;
  inset-block-end: 20px; inset-inline-end: 20px;
  width: 408px; height: min(660px, calc(100vh - 40px)); height: min(660px, calc(100dvh - 40px));
  max-width: none; max-height: none; margin: 0; padding: 0; overflow: hidden;
  border: 1px solid var(--line); border-radius: 18px;
  background: var(--paper); color: var(--ink);
  box-shadow: 0 18px 60px rgb(10 40 32 / .28);
}
.panel[open] { display: flex; flex-direction: column; animation: rise .18s ease-out; }
.panel::backdrop { background: var(--paper); }
.panel.full {
  inset: var(--seen-top, 0px) 0 auto 0; width: 100%;
  height: var(--seen-height, 100dvh); border: 0; border-radius: 0; animation: none;
}
@keyframes rise { from { opacity: 0; transform: translateY(12px); } }

.head {
  display: flex; align-items: center; gap: 12px; flex: none;
  padding: 12px 10px 12px 16px; background: var(--accent); color: var(--on-accent);
}
.full .head { padding-block-start: max(12px, env(safe-area-inset-top)); }
.mark {
  display: grid; place-items: center; flex: none; width: 42px; height: 42px;
  border-radius: 50%; background: rgb(255 255 255 / .16);
}
.names { flex: 1; min-width: 0; }
.title { margin: 0; font-size: 1.125em; line-height: 1.25; font-weight: 650; }
.sub { margin: 0; font-size: var(--text); line-height: 1.3; }
.shut {
  display: grid; place-items: center; width: 46px; height: 46px; flex: none; padding: 0;
  border: 0; border-radius: 12px; background: transparent;
}
.shut:hover { background: rgb(255 255 255 / .16); }
.title:focus-visible { outline: none; } /* only a place to start reading, nothing to press */
.shut:focus-visible { outline-color: var(--on-accent); outline-offset: -3px; }

.middle { position: relative; flex: 1; min-height: 0; display: flex; }
.log {
  flex: 1; min-width: 0; overflow-y: auto; overscroll-behavior: contain;
  display: flex; flex-direction: column; align-items: flex-start; gap: 6px;
  padding: 16px 14px 18px;
}
.log:focus-visible { outline-offset: -3px; }
.item { max-width: 88%; display: flex; flex-direction: column; align-items: flex-start; }
.item.bot + .item.citizen, .item.agent + .item.citizen,
.item.citizen + .item.bot, .item.citizen + .item.agent,
.item.bot + .item.agent, .item.agent + .item.bot,
.welcome + .item, .examples + .item { margin-block-start: 10px; }
.item.citizen { align-self: flex-end; align-items: flex-end; }
.item.bot, .item.agent { width: 100%; max-width: 100%; }
.bubble {
  max-width: 100%; padding: 10px 14px; border-radius: 16px;
  white-space: pre-wrap; overflow-wrap: anywhere; background: var(--bot);
}
.bot .bubble, .agent .bubble, .welcome { max-width: min(100%, 36em); margin-inline-end: 8%; }
.bot .bubble { border-end-start-radius: 5px; }
.agent .bubble { background: var(--staff); border-end-start-radius: 5px; }
.citizen .bubble {
  background: var(--accent); color: var(--on-accent); border-end-end-radius: 5px;
}
.failed .bubble {
  background: #ffffff; color: var(--ink); box-shadow: inset 0 0 0 2px var(--alarm);
}
.who { margin: 0 0 2px 2px; font-weight: 600; }
.bubble a { color: inherit; text-underline-offset: .15em; }
.bubble a:hover { text-decoration-thickness: 2px; }
.picture {
  display: block; max-width: 100%; height: auto; max-height: 320px; margin-block-start: 6px;
  border-radius: 12px; border: 1px solid var(--line); background: var(--bot);
}
.link {
  display: inline-flex; align-items: center; gap: 8px; margin-block-start: 6px; padding: 9px 14px;
  min-height: 44px; border: 1px solid var(--line); border-radius: 12px; color: var(--accent);
  font-weight: 600; text-underline-offset: .18em; overflow-wrap: anywhere;
}
.link svg { width: 1.2em; height: 1.2em; }
.link:hover { background: var(--bot); }
.state { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; color: var(--quiet); }
.failed .state { color: var(--alarm); font-weight: 600; margin-block-start: 4px; }
.small {
  min-height: 44px; padding: 6px 14px; border: 2px solid var(--accent); border-radius: 22px;
  background: var(--paper); color: var(--accent); font-weight: 600;
}
.small:hover { background: var(--bot); }
.offer { display: flex; flex-wrap: wrap; gap: 8px; margin-block: 8px 4px; max-width: 100%; }
.option {
  display: inline-flex; align-items: center; gap: 8px; max-width: 100%; min-height: 46px;
  padding: 8px 16px; border: 2px solid var(--accent); border-radius: 23px; text-align: start;
  background: var(--paper); color: var(--accent); font-weight: 600; overflow-wrap: anywhere;
  transition: background-color .12s ease, color .12s ease;
}
.option:active { background: var(--accent); color: var(--on-accent); }
@media (hover: hover) { /* a finger leaves its hover behind on what comes up under it */
  .option:hover { background: var(--accent); color: var(--on-accent); }
}
.option[disabled] { opacity: .75; cursor: default; background: var(--bot); color: var(--quiet); }
.welcome {
  padding: 10px 14px; border-radius: 16px; border-end-start-radius: 5px; background: var(--bot);
}
.welcome p { margin: 0; }
.welcome a { color: inherit; }
.examples {
  display: flex; flex-direction: column; align-items: flex-start; gap: 8px;
  margin-block-start: 8px;
}
.divider {
  align-self: stretch; display: flex; align-items: center; gap: 12px; margin-block: 14px;
  color: var(--quiet); text-align: center;
}
.divider::before, .divider::after {
  content: ""; flex: 1; border-block-start: 1px solid var(--line);
}
.newer {
  position: absolute; inset-block-end: 10px; inset-inline: 0; margin-inline: auto;
  width: max-content; display: flex; align-items: center; gap: 8px; min-height: 44px;
  padding: 6px 16px; border: 1px solid var(--line); border-radius: 22px;
  background: var(--paper); color: var(--accent); font-weight: 600;
  box-shadow: 0 4px 16px rgb(10 40 32 / .22);
}
.newer svg { width: 1.2em; height: 1.2em; }

.typing {
  flex: none; display: flex; align-items: center; gap: 10px; margin: 0; padding: 0 18px 8px;
  color: var(--quiet);
}
.dots { display: inline-flex; gap: 4px; }
.dots i {
  width: 8px; height: 8px; border-radius: 50%; background: var(--quiet);
  animation: nod 1.2s infinite;
}
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
@keyframes nod { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }

.notice { flex: none; margin: 0; background: #fff3d9; color: #4d3500; }
.notice:not(:empty) { padding: 10px 16px; border-block-start: 1px solid #ecd7a2; }
.composer {
  flex: none; display: flex; align-items: flex-end; gap: 8px; padding: 10px 12px;
  border-block-start: 1px solid var(--line);
}
.full .composer { padding-block-end: max(10px, env(safe-area-inset-bottom)); }
.box {
  flex: 1; min-width: 0; min-height: 48px; max-height: 9.5em; padding: 10px 14px; resize: none;
  border: 2px solid #75847d; border-radius: 16px; background: var(--paper); line-height: 1.5;
  overflow-y: auto;
}
.box::placeholder { color: #5a6862; opacity: 1; }
.box:focus-visible { outline-offset: 0; outline-width: 2px; border-color: var(--focus); }
.go {
  display: inline-flex; align-items: center; gap: 6px; flex: none; min-height: 48px;
  padding: 8px 14px 8px 16px; border: 2px solid transparent; border-radius: 16px;
  background: var(--accent); color: var(--on-accent); font-weight: 600;
}
.go svg { width: 1.25em; height: 1.25em; }
.go:hover { filter: brightness(1.12); }

.clip {
  display: grid; place-items: center; flex: none; width: 48px; height: 48px; padding: 0;
  border: 2px solid #75847d; border-radius: 16px; background: var(--paper); color: var(--accent);
}
.clip:hover { background: var(--bot); }
.tray {
  flex: none; display: flex; align-items: center; gap: 12px; padding: 10px 12px 0;
  border-block-start: 1px solid var(--line);
}
.tray:not([hidden]) + .composer { border-block-start: 0; }
.frame {
  display: grid; place-items: center; flex: none; width: 64px; height: 64px; overflow: hidden;
  border: 1px solid var(--line); border-radius: 12px; background: var(--bot); color: var(--quiet);
}
.frame canvas { width: 100%; height: 100%; object-fit: cover; }
.told { flex: 1; min-width: 0; }
.told p { margin: 0; overflow-wrap: anywhere; }
.told .wrong { color: var(--alarm); font-weight: 600; }
.bar {
  display: block; width: 100%; height: 10px; margin-block-start: 6px; accent-color: var(--accent);
}
.tray .shut { color: var(--ink); }
.tray .shut:hover { background: var(--bot); }
.tray .shut:focus-visible { outline-color: var(--focus); }
.photo {
  display: block; max-width: 100%; padding: 0; overflow: hidden; margin-block-start: 4px;
  border: 1px solid var(--line); border-radius: 12px; background: var(--bot); color: var(--quiet);
}
button.photo { cursor: zoom-in; }
button.photo[aria-expanded="true"] { cursor: zoom-out; }
.photo canvas { display: block; max-width: 100%; max-height: 240px; height: auto; }
.photo[aria-expanded="true"] canvas { max-height: none; }
.photo.bare { display: flex; align-items: center; gap: 10px; padding: 10px 14px; cursor: default; }

@media (max-width: 340px) { .go .word { display: none; } .go { padding: 8px 12px; } }
@media (max-height: 430px) {
  .sub, .mark { display: none; }
  .full .head { padding-block: 2px; }
  .full .composer { padding-block: 6px; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .bubble, .welcome, .launcher, .go, .option, .badge { border: 1px solid; }
  .dots i { background: CanvasText; }
}
@media print { .launcher, .panel { display: none !important; } }
`;

let sheet;

/** Constructed once for all elements; a strict style-src allows it. */
function sharedSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(SHEET_TEXT);
  }
  return sheet;
}

/* ---------------------------------------------------------------- LikewiseChat */

class LikewiseChat extends HTMLElement {
  static observedAttributes = ["lang", "open", "heading", "privacy"];

  #root = this.attachShadow({ mode: "open" });
  #parts = {};
  #language = "en";
  #conversation = null;
  #items = [];
  #built = false;
  #shown = false;
  #unread = 0;
  #loading = false;
  #restTop = 0;
  #typingTimer;
  #status = null;
  #full = matchMedia("(max-width: 600px), (max-height: 480px)");
  #draft;
  #wasOpen;
  #photo = null; // {file, state: "sending" | "ready" | "failed", id, reason, percent, stop, canvas}
  #sendWhenThere = false;
  #canvases = new Map(); // drawn already, by photo id: one's own need not be fetched

  /* -- life -- */

  connectedCallback() {
    const base = this.getAttribute("src") ?? "";
    if (!this.#built) {
      this.#language = this.#findLanguage();
      if (!this.hasAttribute("lang")) this.setAttribute("lang", this.#language);
      this.#draft = new Shelf("sessionStorage", `likewise-chat:draft:${base}`);
      this.#wasOpen = new Shelf("sessionStorage", `likewise-chat:open:${base}`);
      this.#conversation = new Conversation(base, this.#language, this.#listener());
      this.#build();
      this.#built = true;
    }
    document.addEventListener("click", this.#onPageClick);
    document.addEventListener("visibilitychange", this.#onVisible);
    window.addEventListener("online", this.#onOnline);
    window.addEventListener("offline", this.#onOffline);
    this.#full.addEventListener("change", this.#onFullChange);
    window.visualViewport?.addEventListener("resize", this.#fit);
    window.visualViewport?.addEventListener("scroll", this.#fit);
    if (this.#shown) {
      if (!this.#parts.panel.open) this.#mount(); // moved to another place in the page
      this.#conversation.start();
    } else if (this.hasAttribute("open") || this.#wasOpen.get() === true) {
      this.#show({ focus: false });
    }
  }

  disconnectedCallback() {
    document.removeEventListener("click", this.#onPageClick);
    document.removeEventListener("visibilitychange", this.#onVisible);
    window.removeEventListener("online", this.#onOnline);
    window.removeEventListener("offline", this.#onOffline);
    this.#full.removeEventListener("change", this.#onFullChange);
    window.visualViewport?.removeEventListener("resize", this.#fit);
    window.visualViewport?.removeEventListener("scroll", this.#fit);
    this.#conversation.stop();
  }

  attributeChangedCallback(name, _before, now) {
    if (!this.#built) return;
    if (name === "open") {
      if (now === null) this.hide();
      else if (!this.#shown) this.show();
    } else {
      this.#language = knownLanguage(this.getAttribute("lang")) ?? this.#language;
      this.#conversation.language = this.#language;
      this.#speak();
    }
  }

  /* -- for the page -- */

  show() {
    this.#show({ focus: true });
  }

  hide() {
    if (!this.#shown) return;
    this.#shown = false;
    this.#wasOpen.set(null);
    if (this.#parts.panel.open) this.#parts.panel.close();
    this.#parts.launcher.hidden = false;
    this.#parts.launcher.setAttribute("aria-expanded", "false");
    this.#parts.launcher.focus();
    this.removeAttribute("open");
  }

  /** Opens the chat and sends a question, as if the person had typed it. */
  ask(text) {
    this.show();
    this.#say(text);
  }

  /* -- building -- */

  get #words() {
    return STRINGS[this.#language];
  }

  #findLanguage() {
    const parameter = this.getAttribute("lang-param");
    const asked = parameter ? new URLSearchParams(location.search).get(parameter) : null;
    const candidates = [asked, this.getAttribute("lang"), document.documentElement.lang];
    return candidates.map(knownLanguage).find(Boolean) ?? "en";
  }

  #build() {
    this.#root.adoptedStyleSheets = [sharedSheet()];
    const part = (name, tag, attributes = {}, ...children) => {
      this.#parts[name] = element(tag, attributes, ...children);
      return this.#parts[name];
    };
    const launcher = part(
      "launcher",
      "button",
      { type: "button", class: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false" },
      icon("chat"),
      part("launcherText", "span"),
      part("badge", "span", { class: "badge", "aria-hidden": "true", hidden: true }),
      part("badgeText", "span", { class: "unseen" }),
    );
    const names = element(
      "div",
      { class: "names" },
      part("title", "h2", { class: "title", id: "title", tabindex: "-1" }),
      part("sub", "p", { class: "sub" }),
    );
    const mark = element("span", { class: "mark" }, icon("chat"));
    const shut = part("shut", "button", { type: "button", class: "shut" }, icon("close"));
    const head = element("div", { class: "head" }, mark, names, shut);
    part("welcome", "div", { class: "welcome" });
    part("examples", "div", { class: "examples", role: "group" });
    const log = part(
      "log",
      "div",
      {
        class: "log",
        role: "log",
        "aria-live": "polite",
        "aria-relevant": "additions",
        tabindex: "0",
      },
      this.#parts.welcome,
      this.#parts.examples,
    );
    const newer = part(
      "newer",
      "button",
      { type: "button", class: "newer", hidden: true },
      icon("down"),
      part("newerText", "span"),
    );
    const dots = element("span", { class: "dots", "aria-hidden": "true" });
    dots.append(element("i"), element("i"), element("i"));
    const typing = part("typing", "p", { class: "typing", hidden: true }, dots);
    typing.append(part("typingText", "span"));
    const tray = part(
      "tray",
      "div",
      { class: "tray", role: "group", hidden: true },
      part("frame", "span", { class: "frame", "aria-hidden": "true" }),
      element(
        "div",
        { class: "told" },
        part("trayText", "p"),
        part("bar", "progress", { class: "bar", max: "100", hidden: true }),
      ),
      part("again", "button", { type: "button", class: "small", hidden: true }),
      part("unclip", "button", { type: "button", class: "shut" }, icon("close")),
    );
    const composer = part(
      "composer",
      "form",
      { class: "composer", novalidate: true },
      part("file", "input", {
        type: "file",
        accept: "image/*,.heic,.heif",
        hidden: true,
        tabindex: "-1",
        "aria-hidden": "true",
      }),
      part("clip", "button", { type: "button", class: "clip" }, icon("photo")),
      part("label", "label", { class: "unseen", for: "box" }),
      part("box", "textarea", {
        class: "box",
        id: "box",
        rows: "1",
        dir: "auto",
        autocomplete: "off",
        enterkeyhint: "send",
      }),
      part("go", "button", { type: "submit", class: "go" }, part("goText", "span"), icon("send")),
    );
    this.#parts.goText.className = "word";
    const panel = part(
      "panel",
      "dialog",
      { class: "panel", "aria-labelledby": "title" },
      head,
      element("div", { class: "middle" }, log, newer),
      typing,
      part("notice", "p", { class: "notice", role: "status" }),
      tray,
      composer,
    );
    this.#wire();
    this.#root.append(launcher, panel);
    this.#speak();
    this.#parts.box.value = this.#draft.get() ?? "";
  }

  #wire() {
    const { launcher, panel, shut, log, newer, composer, box } = this.#parts;
    launcher.addEventListener("click", () => this.show());
    shut.addEventListener("click", () => this.hide());
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      this.hide();
    });
    panel.addEventListener("cancel", (event) => {
      if (event.target !== panel) return; // a file dialog that was closed without a choice
      event.preventDefault();
      this.hide();
    });
    panel.addEventListener("close", () => {
      if (this.#shown && !panel.open) this.hide();
    });
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    box.addEventListener("keydown", (event) => {
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key !== "Enter" || event.shiftKey || composing) return;
      event.preventDefault();
      this.#submit();
    });
    box.addEventListener("input", () => {
      this.#draft.set(box.value || null);
      this.#grow();
    });
    const { clip, file, unclip, again } = this.#parts;
    clip.addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      if (file.files.length) this.#attach(file.files[0]);
      file.value = ""; // the same file may be chosen again
    });
    unclip.addEventListener("click", () => {
      this.#detach();
      this.#focusComposer();
    });
    again.addEventListener("click", () => {
      this.#attach(this.#photo.file);
      this.#focusComposer();
    });
    box.addEventListener("paste", (event) => {
      const [pasted] = event.clipboardData?.files ?? [];
      if (!pasted?.type.startsWith("image/")) return;
      event.preventDefault();
      this.#attach(pasted);
    });
    log.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
    newer.addEventListener("click", () => {
      log.scrollTo({ top: log.scrollHeight, behavior: this.#calm() ? "auto" : "smooth" });
      this.#parts.log.focus({ preventScroll: true });
    });
  }

  /** Puts the words of the language everywhere; also when it changes later. */
  #speak() {
    const words = this.#words;
    const parts = this.#parts;
    for (const node of [parts.launcher, parts.panel]) node.lang = this.#language;
    parts.launcherText.textContent = words.launcher;
    parts.title.textContent = this.getAttribute("heading") || words.heading;
    parts.sub.textContent = words.subtitle;
    parts.shut.setAttribute("aria-label", words.close);
    parts.shut.title = words.close;
    parts.log.setAttribute("aria-label", words.log);
    parts.newerText.textContent = words.newer;
    parts.typingText.textContent = words.typing;
    parts.label.textContent = words.message;
    parts.clip.setAttribute("aria-label", words.photo);
    parts.clip.title = words.photo;
    parts.tray.setAttribute("aria-label", words.photoYours);
    parts.unclip.setAttribute("aria-label", words.photoRemove);
    parts.unclip.title = words.photoRemove;
    parts.again.textContent = words.retry;
    this.#showTray();
    parts.box.placeholder = words.placeholder;
    parts.goText.textContent = words.send;
    parts.go.setAttribute("aria-label", words.send);
    parts.examples.setAttribute("aria-label", words.examples);
    parts.examples.replaceChildren(
      ...words.starters.map((text) => this.#option(text, () => this.#say(text))),
    );
    const welcome = [element("p", {}, words.welcome)];
    const address = this.getAttribute("privacy");
    const part = address && !address.includes("#") ? `#${this.#language}` : "";
    const privacy = address && safeAddress(address + part, location.href, ["http:", "https:"]);
    if (privacy) {
      welcome.push(element("p", {}, this.#anchor(privacy, words.privacy)));
    }
    parts.welcome.replaceChildren(...welcome);
    for (const item of this.#items) this.#paintState(item);
    this.#showUnread();
    this.#showStatus();
  }

  #anchor(href, label, ...more) {
    const hint = element("span", { class: "unseen" }, ` (${this.#words.newTab})`);
    return element("a", { href, target: "_blank", rel: "noopener" }, label, hint, ...more);
  }

  #option(label, act, symbol) {
    const button = element("button", { type: "button", class: "option" });
    if (symbol) button.append(icon(symbol));
    button.append(element("span", { dir: "auto" }, label));
    button.addEventListener("click", act);
    return button;
  }

  /* -- open and closed -- */

  #show({ focus }) {
    if (this.#shown) {
      if (focus) this.#focusInside();
      return;
    }
    this.#shown = true;
    this.#wasOpen.set(true);
    this.#mount();
    this.#parts.launcher.hidden = true;
    this.#parts.launcher.setAttribute("aria-expanded", "true");
    this.setAttribute("open", "");
    this.#unread = 0;
    this.#showUnread();
    this.#grow();
    this.#scrollToNews(true);
    if (focus || this.#full.matches) this.#focusInside();
    this.#conversation.start();
    this.#showStatus();
  }

  /** Full screen is modal (the page behind rests); the desktop panel stands beside the page. */
  #mount() {
    const { panel } = this.#parts;
    panel.classList.toggle("full", this.#full.matches);
    if (this.#full.matches) panel.showModal();
    else panel.setAttribute("open", "");
    this.#fit();
  }

  #focusInside() {
    const touch = matchMedia("(pointer: coarse)").matches;
    // On a touch screen the keyboard would cover the conversation before it is read.
    (touch ? this.#parts.title : this.#parts.box).focus();
  }

  #onFullChange = () => {
    const { panel } = this.#parts;
    if (!panel.open) return;
    const focused = this.#root.activeElement;
    panel.close(); // only close() leaves the top layer; its event comes after #mount()
    this.#mount();
    focused?.focus();
    this.#scrollToNews(true);
  };

  /** Keeps the full-screen panel above an on-screen keyboard. */
  #fit = () => {
    const { panel } = this.#parts;
    const view = window.visualViewport;
    if (!view || !panel.classList.contains("full") || view.scale > 1.01) {
      panel.style.removeProperty("--seen-height");
      panel.style.removeProperty("--seen-top");
      return;
    }
    panel.style.setProperty("--seen-height", `${view.height}px`);
    panel.style.setProperty("--seen-top", `${view.offsetTop}px`);
    this.#scrollToNews();
  };

  /* -- the page around -- */

  #onPageClick = (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const asked = target?.closest("[data-likewise-ask], [data-likewise-open]");
    if (!asked) return;
    event.preventDefault();
    const question = asked.getAttribute("data-likewise-ask");
    if (question) this.ask(question);
    else this.show();
  };

  #onVisible = () => {
    if (!document.hidden) this.#conversation.wake();
  };

  #onOnline = () => {
    this.#status = null;
    this.#showStatus();
    this.#conversation.wake();
    this.#conversation.retryUnreached();
  };

  #onOffline = () => {
    this.#status = "offline";
    this.#showStatus();
  };

  /* -- what the conversation tells -- */

  #listener() {
    return {
      message: (message) => this.#takeMessage(message),
      own: (own) => this.#takeOwn(own),
      forget: (id) => this.#forget(id),
      restarted: () => this.#restart(),
      typing: (byPerson) => this.#showTyping(true, byPerson),
      notice: (key) => this.#announce(this.#words[key]),
      status: (key) => {
        const status = key ?? (navigator.onLine === false ? "offline" : null);
        if (status === this.#status) return;
        this.#status = status;
        this.#showStatus();
      },
      loading: (loading) => {
        if (this.#loading === loading) return;
        this.#loading = loading;
        // History is not read aloud; what comes after it is.
        this.#parts.log.setAttribute("aria-live", loading ? "off" : "polite");
        this.#parts.log.setAttribute("aria-busy", String(loading));
        if (!loading) this.#scrollToNews(true);
      },
    };
  }

  #takeMessage(message) {
    const own = message.from === "citizen";
    let item = own ? this.#items.find((other) => other.id === message.in_reply_to) : undefined;
    const known = item !== undefined;
    if (!known) item = { node: null, id: own ? message.in_reply_to : null, stateNode: null };
    item.cursor = message.cursor;
    item.from = ["citizen", "agent"].includes(message.from) ? message.from : "bot";
    item.answers = own ? null : message.in_reply_to;
    item.state = own ? "sent" : null;
    item.choices = own ? [] : (message.choices ?? []);
    item.asksPlace = !own && message.ask === "place";
    item.asksPhoto = !own && message.ask === "photo";
    if (own && !known && !message.text && !message.photo) {
      message = { ...message, text: this.#words.placed };
    }
    if (!known || (message.text && message.text !== item.text)) this.#draw(item, message);
    this.#place(item);
    if (!own) {
      this.#showTyping(false);
      if (!this.#shown && !this.#loading) this.#unread += 1;
      this.#showUnread();
    }
    this.#refresh();
  }

  #takeOwn(own) {
    let item = this.#items.find((other) => other.id === own.id);
    if (!item) {
      const label = own.label ?? this.#ownLabel(own.content);
      item = { node: null, stateNode: null, id: own.id, cursor: null, from: "citizen" };
      Object.assign(item, { answers: null, choices: [], asksPlace: false, asksPhoto: false });
      this.#draw(item, { text: label, photo: own.content.photo });
      this.#place(item);
      this.#restTop = 0; // one's own message is always brought into view
    }
    item.state = own.state;
    item.reason = own.reason;
    item.content = own.content;
    this.#refresh();
    const silent = own.state !== "failed" || own.reason === "restored";
    this.#announce(silent ? "" : this.#words[own.reason]);
  }

  #ownLabel(content) {
    if (content.text !== undefined) return content.text;
    return content.place ? this.#words.placed : "";
  }

  #forget(id) {
    this.#items.find((item) => item.id === id)?.node.remove();
    this.#items = this.#items.filter((item) => item.id !== id);
    this.#refresh();
  }

  /** The old conversation stays readable; only what waits to be sent moves to the new one. */
  #restart() {
    const { log } = this.#parts;
    const waiting = this.#items.filter((item) => item.cursor === null && item.state !== "sent");
    for (const item of this.#items) if (!waiting.includes(item)) this.#offer(item, false);
    this.#items = waiting;
    log.append(element("div", { class: "divider" }, element("span", {}, this.#words.restarted)));
    log.append(...waiting.map((item) => item.node));
    this.#refresh();
  }

  /* -- drawing -- */

  #draw(item, message) {
    const words = this.#words;
    const node = item.node ?? element("div");
    const who = element("p", { class: item.from === "agent" ? "who" : "unseen" });
    who.textContent = { citizen: words.you, agent: words.agent }[item.from] ?? words.bot;
    item.text = message.text ?? "";
    item.node = node;
    item.offerNode = null;
    item.stateNode = element("div", { class: "state", hidden: true });
    node.replaceChildren(who);
    if (item.text) {
      const bubble = element("div", { class: "bubble", dir: "auto" });
      bubble.append(...linked(item.text, (href, label) => this.#anchor(href, label)));
      node.append(bubble);
    }
    if (message.photo) this.#drawPhoto(node, message.photo);
    if (item.from !== "citizen") this.#drawExtras(node, message);
    node.append(item.stateNode);
  }

  /** A photo of one's own: a thumbnail at first, larger when it is pressed. */
  async #drawPhoto(node, photo) {
    const words = this.#words;
    const button = element("button", {
      type: "button",
      class: "photo",
      "aria-label": `${words.photoYours}. ${words.photoShow}`,
      "aria-expanded": "false",
    });
    const bare = element("div", { class: "photo bare" }, icon("photo"));
    bare.append(element("span", {}, words.photoYours));
    node.append(bare);
    try {
      const known = this.#canvases.get(photo);
      const canvas = known ?? (await drawn(await this.#conversation.picture(photo), 480));
      this.#canvases.set(photo, canvas);
      button.append(copied(canvas));
      bare.replaceWith(button);
      this.#scrollToNews();
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) {
        bare.querySelector("span").textContent = words.photoGone;
      }
      return;
    }
    button.addEventListener("click", async () => {
      const large = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!large));
      if (large || button.dataset.large) return;
      try {
        button.replaceChildren(await drawn(await this.#conversation.picture(photo, true), 1600));
        button.dataset.large = "yes";
      } catch {
        // The thumbnail stays.
      }
    });
  }

  #drawExtras(node, message) {
    const base = new URL(this.getAttribute("src") || "/", location.href);
    const web = ["http:", "https:"];
    if (message.image?.url) {
      const source = safeAddress(message.image.url, base, [...web, "data:"]);
      if (source && (!source.startsWith("data:") || source.startsWith("data:image/"))) {
        const alt = message.image.alt ?? "";
        const picture = element("img", { class: "picture", src: source, alt });
        picture.addEventListener("load", () => this.#scrollToNews());
        node.append(picture);
      }
    }
    if (message.link?.url) {
      const href = safeAddress(message.link.url, base, [...web, "mailto:", "tel:"]);
      if (href) {
        const anchor = this.#anchor(href, message.link.label || href, icon("out"));
        anchor.className = "link";
        node.append(anchor);
      }
    }
  }

  /** Server messages stand in the order of their cursors; unsent ones stand at the end. */
  #place(item) {
    const others = this.#items.filter((other) => other !== item);
    let at = others.length;
    if (item.cursor !== null) {
      at = 0;
      others.forEach((other, index) => {
        const earlier = other.cursor !== null && other.cursor < item.cursor;
        const answered = item.answers !== null && other.id === item.answers;
        if (earlier || answered) at = index + 1;
      });
    }
    if (this.#items[at] === item && item.node.isConnected) return;
    others.splice(at, 0, item);
    this.#items = others;
    const next = others[at + 1]?.node ?? null;
    this.#parts.log.insertBefore(item.node, next);
  }

  /** Brings classes, states and offers in line with what is known now. */
  #refresh() {
    const items = this.#items;
    const begun = items.length > 0 || this.#parts.log.querySelector(".divider") !== null;
    this.#parts.examples.hidden = begun;
    const isOwn = ({ from }) => from === "citizen";
    const lastOwn = items.findLastIndex(isOwn);
    const lastSaid = items.findLastIndex((item) => isOwn(item) && item.state !== "failed");
    const lastOpen = items.findLastIndex(
      ({ choices, asksPlace, asksPhoto }) => choices.length > 0 || asksPlace || asksPhoto,
    );
    items.forEach((item, index) => {
      item.node.className = `item ${item.from}${item.state === "failed" ? " failed" : ""}`;
      item.latest = index === lastOwn;
      this.#paintState(item);
      this.#offer(item, index === lastOpen && index > lastSaid);
    });
    this.#scrollToNews();
  }

  #paintState(item) {
    const { stateNode, state } = item;
    const words = this.#words;
    const shown = state === "failed" || state === "sending" || (state === "sent" && item.latest);
    const key = shown ? `${state} ${item.reason ?? ""} ${this.#language}` : "";
    if (!stateNode || item.painted === key) return;
    item.painted = key;
    stateNode.hidden = !shown;
    stateNode.replaceChildren(shown ? words[state] : "");
    if (state !== "failed") return;
    if (["tooLong", "unclear"].includes(item.reason) && item.content?.text !== undefined) {
      stateNode.append(this.#smallButton(words.edit, () => this.#edit(item)));
    } else {
      stateNode.append(
        this.#smallButton(words.retry, () => {
          this.#conversation.retry(item.id);
          this.#focusComposer();
        }),
      );
    }
  }

  #smallButton(label, act) {
    const button = element("button", { type: "button", class: "small" }, label);
    button.addEventListener("click", act);
    return button;
  }

  /** The buttons of the one open question: choices, and a place to share. */
  #offer(item, open) {
    if (!open) {
      item.offerNode?.remove();
      item.offerNode = null;
      return;
    }
    if (item.offerNode) return;
    const label = this.#words.choose;
    const offer = element("div", { class: "offer", role: "group", "aria-label": label });
    for (const choice of item.choices) {
      const said = String(choice.label);
      offer.append(
        this.#option(said, () => {
          this.#focusComposer();
          this.#conversation.send({ choice: choice.id }, said);
        }),
      );
    }
    if (item.asksPlace && "geolocation" in navigator && isSecureContext) {
      const button = this.#option(this.#words.place, () => this.#sharePlace(button), "place");
      offer.append(button);
    }
    if (item.asksPhoto) {
      offer.append(this.#option(this.#words.photo, () => this.#parts.file.click(), "photo"));
    }
    if (!offer.childElementCount) return;
    item.offerNode = offer;
    item.node.append(offer);
  }

  #sharePlace(button) {
    const text = button.querySelector("span");
    const settle = (words) => {
      text.textContent = this.#words.place;
      button.disabled = false;
      this.#announce(words);
    };
    button.disabled = true;
    text.textContent = this.#words.placing;
    this.#announce("");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        settle("");
        if (!button.isConnected) return; // answered by typing in the meantime
        const place = { lat: round(coords.latitude), lon: round(coords.longitude) };
        this.#focusComposer();
        this.#conversation.send({ place }, this.#words.placed);
      },
      () => {
        settle(this.#words.placeFailed);
        this.#parts.box.focus();
      },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  }

  /* -- saying -- */

  #submit() {
    const { box } = this.#parts;
    const text = box.value.trim();
    if (!text && !this.#photo) return;
    if ([...text].length > MAX_TEXT) {
      this.#announce(this.#words.tooLong);
      return;
    }
    if (this.#photo?.state === "failed") {
      this.#showTray();
      this.#parts.again.focus();
      return;
    }
    if (this.#photo?.state === "sending") {
      this.#sendWhenThere = true;
      this.#announce(this.#words.photoWait);
      return;
    }
    box.value = "";
    this.#draft.set(null);
    this.#grow();
    this.#say(text, this.#photo?.id);
    this.#detach();
    box.focus();
  }

  #say(text, photo) {
    this.#announce("");
    this.#focusComposer();
    this.#conversation.send({ ...(text ? { text } : {}), ...(photo ? { photo } : {}) }, null);
  }

  /* -- a photo beside the text -- */

  async #attach(file) {
    this.#detach();
    const stop = new AbortController();
    const photo = { file, state: "sending", id: null, reason: null, percent: 0, stop };
    this.#photo = photo;
    this.#announce("");
    this.#showTray();
    this.#preview(photo);
    try {
      const onProgress = (percent) => {
        photo.percent = percent;
        if (this.#photo === photo) this.#showTray();
      };
      photo.id = await this.#conversation.upload(file, onProgress, stop.signal);
      photo.state = "ready";
      if (photo.canvas) this.#canvases.set(photo.id, photo.canvas);
    } catch (error) {
      photo.state = "failed";
      photo.reason = photoReason(error);
    }
    if (this.#photo !== photo) return; // taken away, or another one took its place
    const wished = this.#sendWhenThere;
    this.#sendWhenThere = false;
    this.#showTray();
    if (photo.state === "failed") this.#announce("");
    else if (wished) this.#submit();
  }

  /** What is to be sent, as soon as the browser has drawn it; HEIC it mostly cannot. */
  async #preview(photo) {
    try {
      photo.canvas = await drawn(photo.file, 480);
    } catch {
      return;
    }
    if (photo.id) this.#canvases.set(photo.id, photo.canvas);
    if (this.#photo === photo) this.#parts.frame.replaceChildren(photo.canvas);
  }

  #detach() {
    this.#photo?.stop.abort();
    this.#photo = null;
    this.#sendWhenThere = false;
    this.#parts.frame.replaceChildren(icon("photo"));
    this.#showTray();
  }

  #showTray() {
    const { tray, trayText, bar, again } = this.#parts;
    const photo = this.#photo;
    const words = this.#words;
    tray.hidden = photo === null;
    if (photo === null) return;
    const sending = photo.state === "sending";
    const whole = photo.percent >= 100;
    bar.hidden = !sending;
    bar.setAttribute("aria-label", words.photoYours);
    if (whole) bar.removeAttribute("value");
    else bar.value = photo.percent;
    const told = {
      sending: whole ? words.photoChecking : words.photoSending(photo.percent),
      ready: words.photoReady,
      failed: words[photo.reason],
    }[photo.state];
    // Each hundredth read aloud would be too much: only a new state is.
    trayText.setAttribute("role", photo.state === "failed" ? "alert" : "status");
    trayText.setAttribute("aria-live", sending && !whole ? "off" : "polite");
    trayText.className = photo.state === "failed" ? "wrong" : "";
    if (trayText.textContent !== told) trayText.textContent = told;
    again.hidden = !["photoFailed", "offline", "busy"].includes(photo.reason);
    this.#scrollToNews();
  }

  /** Gives a failed text back to the person, before what stands in the box already. */
  #edit(item) {
    const { box } = this.#parts;
    box.value = [item.content.text, box.value].filter(Boolean).join("\n");
    this.#draft.set(box.value);
    if (item.content.photo) this.#reclaim(item.content.photo);
    this.#conversation.withdraw(item.id);
    this.#announce("");
    this.#grow();
    box.focus();
  }

  /** A photo that is with the server already goes with the changed text. */
  #reclaim(id) {
    this.#detach();
    const canvas = this.#canvases.get(id);
    const stop = new AbortController();
    this.#photo = { file: null, state: "ready", id, reason: null, percent: 100, stop, canvas };
    if (canvas) this.#parts.frame.replaceChildren(copied(canvas));
    this.#showTray();
  }

  /** A pressed button may vanish: the focus moves on instead of falling off the panel. */
  #focusComposer() {
    const touch = matchMedia("(pointer: coarse)").matches;
    if (touch && this.#root.activeElement === this.#parts.box) return;
    (touch ? this.#parts.log : this.#parts.box).focus({ preventScroll: true });
  }

  /* -- small signs -- */

  #showTyping(on, byPerson = false) {
    clearTimeout(this.#typingTimer);
    if (on) this.#parts.typingText.textContent = this.#words[byPerson ? "typingAgent" : "typing"];
    this.#parts.typing.hidden = !on;
    if (!on) return;
    this.#typingTimer = setTimeout(() => this.#showTyping(false), TYPING_SHOWN);
    this.#scrollToNews();
  }

  /** A notice stands until the next step of the person; then the state of the line shows again. */
  #announce(text) {
    const { notice } = this.#parts;
    const shown = text || (this.#status ? this.#words[this.#status] : "");
    if (notice.textContent === shown) return; // the same words again would be read aloud again
    notice.textContent = shown;
    this.#scrollToNews();
  }

  #showStatus() {
    this.#announce("");
  }

  #showUnread() {
    const { badge, badgeText } = this.#parts;
    badge.hidden = this.#unread === 0;
    badge.textContent = this.#unread ? String(this.#unread) : "";
    badgeText.textContent = this.#unread ? `, ${this.#words.unread(this.#unread)}` : "";
  }

  /* -- scrolling -- */

  #calm() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** Follows the conversation unless the person scrolled back to read. */
  #scrollToNews(always = false) {
    const { log } = this.#parts;
    if (!this.#shown || !log) return;
    const followed = always || log.scrollTop >= this.#restTop - 40;
    if (followed) {
      const bottom = log.scrollHeight - log.clientHeight;
      const start = this.#items.findLastIndex(({ from }) => from === "citizen") + 1;
      const news = this.#items[start]?.node;
      // A long answer is shown from its first line, not from its last.
      const top = news ? Math.min(bottom, news.offsetTop - log.offsetTop - 12) : bottom;
      log.scrollTop = Math.max(0, top);
      this.#restTop = log.scrollTop;
    }
    this.#noteScroll();
  }

  #noteScroll() {
    const { log, newer } = this.#parts;
    newer.hidden = log.scrollHeight - log.clientHeight - log.scrollTop < 48;
  }

  #grow() {
    const { box } = this.#parts;
    box.style.height = "auto";
    if (box.scrollHeight) box.style.height = `${box.scrollHeight + 4}px`;
    this.#scrollToNews();
  }
}

/** The words for a photo that was not taken. */
function photoReason(error) {
  if (!(error instanceof Refusal)) return navigator.onLine === false ? "offline" : "photoFailed";
  if (error.status === 413 || error.code === "photo_pixels") return "photoLarge";
  if (error.code === "photo_type") return "photoType";
  if (["photo_broken", "photo_empty"].includes(error.code)) return "photoBroken";
  if (error.status === 429) return "busy";
  return error.status === 403 ? "refused" : "photoFailed";
}

/** A picture as a canvas: nothing that the page's rules for images could forbid. */
async function drawn(blob, longest) {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", { "aria-hidden": "true" });
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}

/** The same picture once more: a node can stand in one place only. */
function copied(canvas) {
  const copy = canvas.cloneNode();
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** Five decimals are about a metre: enough for a street light, no more than needed. */
function round(degrees) {
  return Math.round(degrees * 1e5) / 1e5;
}

if (!customElements.get("likewise-chat")) customElements.define("likewise-chat", LikewiseChat);

export { LikewiseChat };
