/*
 * The demo page alone: shows links to the simulated phones that run beside it, if any do.
 */
const section = document.querySelector(".phones");
try {
  const answer = await fetch("/demo/phones");
  const { phones } = await answer.json();
  const list = section.querySelector("ul");
  for (const { channel, url } of phones) {
    const link = document.createElement("a");
    link.href = url;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = channel;
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  section.hidden = phones.length === 0;
} catch {
  section.hidden = true; // the page is whole without it
}
