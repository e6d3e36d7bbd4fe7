// The palette: Ctrl+K or ⌘K, a few letters, Enter. The server finds; the focus stays in the field, and goes back at the end.

const dialog = document.getElementById("palette");
const field = document.getElementById("palette-text");
const list = document.getElementById("palette-list");
const said = document.getElementById("palette-said");
let asked = null; // the request under way
let timer = 0;
let from = null; // what had the focus

const options = () => [...list.querySelectorAll("[role=option]")];
const chosen = () => list.querySelector("[aria-selected=true]");

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

async function find() {
  asked?.abort();
  asked = new AbortController();
  const late = setTimeout(() => list.setAttribute("aria-busy", "true"), 150);
  try {
    const query = new URLSearchParams({ q: field.value, at: location.pathname });
    const answer = await fetch(`${dialog.dataset.from}?${query}`, { headers: { "HX-Request": "true" }, signal: asked.signal });
    if (answer.status === 401) return location.reload(); // signed out meanwhile: the page asks to sign in, and comes back
    if (!answer.ok) throw new Error(answer.status);
    list.innerHTML = await answer.text();
    choose(options().find((each) => each.dataset.href));
    said.textContent = list.querySelector("[data-said]").textContent.trim();
  } catch (error) {
    if (error.name === "AbortError") return;
    choose(null);
    const line = document.createElement("li");
    line.className = "said wrong-text";
    line.setAttribute("role", "presentation");
    line.textContent = said.textContent = dialog.dataset.failed;
    list.replaceChildren(line);
  } finally {
    clearTimeout(late);
    list.removeAttribute("aria-busy");
  }
}

function open() {
  from = document.activeElement;
  field.value = "";
  list.replaceChildren();
  dialog.showModal();
  field.focus();
  find();
}

function go(option, aside) {
  if (!option) return;
  if (!option.dataset.href) {
    said.textContent = option.textContent.replace(/\s+/g, " ").trim(); // refused: the reason, aloud
    return;
  }
  if (aside) {
    window.open(option.dataset.href, "_blank", "noopener");
  } else {
    from = null;
    dialog.close();
    location.assign(option.dataset.href);
  }
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else if (!document.querySelector("dialog[open]")) open();
  });
  for (const each of document.querySelectorAll("[data-opens=palette]")) {
    each.hidden = false;
    each.addEventListener("click", () => { each.closest("details")?.removeAttribute("open"); open(); });
  }
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 120); });
  field.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen());
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, PageDown: Math.min(at + 6, all.length - 1), PageUp: Math.max(at - 6, 0) }[event.key];
    if (to !== undefined && all.length) choose(all[(to + all.length) % all.length]);
    else if (event.key === "Enter" && !event.isComposing) go(chosen(), event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    asked?.abort();
    clearTimeout(timer);
    if (from?.isConnected) from.focus({ preventScroll: true });
  });
}
