// The pages of invoices and operations: ids to copy. Everything works without this file.

const say = (text, kind) => document.dispatchEvent(new CustomEvent("desk:toast", { detail: { text, kind } }));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say(`${button.dataset.copied ?? "Copied"}: ${button.dataset.copy.slice(0, 80)}`, "success");
  } catch {
    say(`${button.dataset.refused ?? "The browser did not allow copying. The text is"}: ${button.dataset.copy}`, "error");
  }
});
