// The pages of invoices and operations: ids to copy, and keys. Everything works without this file.

const say = (text, kind) => document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text, kind } }));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied.", "success");
  } catch {
    say(`The browser did not allow copying. The text is: ${button.dataset.copy}`, "error");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || localStorage.getItem("keys") === "off") return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  const target = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  target.focus();
  target.click();
});
