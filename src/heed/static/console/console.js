// What the console's pages do beyond links and forms. Everything here is a comfort: each page works without it.

// After a part of the page was exchanged, focus what the server marked, so that keyboards and screen readers go on there.
document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.target.querySelector?.("[data-focus]");
  if (target) target.focus();
});

// A request that failed says so instead of doing nothing.
document.addEventListener("htmx:responseError", () => document.body.classList.add("is-stale"));
document.addEventListener("htmx:sendError", () => document.body.classList.add("is-stale"));
document.addEventListener("htmx:afterOnLoad", () => document.body.classList.remove("is-stale"));

// <button data-copy="#id"> copies the text of an element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || !navigator.clipboard) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
  const words = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = words; }, 2000);
});

// "/" goes to the search of the page. Who speaks to their computer may turn keys off under Settings (WCAG 2.1.4).
const keysAreOn = () => localStorage.getItem("one-key") !== "off";
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || !keysAreOn() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("textarea, select, input:not([type=checkbox])")) return;
  const search = document.querySelector("main [role=search] input:not([type=hidden])");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
addEventListener("DOMContentLoaded", () => {
  const choice = document.querySelector("[data-one-key]"), box = choice?.querySelector("input");
  if (!box) return;
  choice.hidden = false;
  box.checked = keysAreOn();
  box.addEventListener("change", () => localStorage.setItem("one-key", box.checked ? "on" : "off"));
});

// A form that was sent once is not sent twice by a second click.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.matches("[hx-post], [hx-get]")) return;
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; button.dataset.sent = ""; }, 0);
});
addEventListener("pageshow", () => document.querySelectorAll("button[data-sent]").forEach((button) => { button.disabled = false; }));
