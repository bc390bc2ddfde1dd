// The message box: a way out goes where the cursor is. Without this the button is a submit, and the line goes to the end.

document.addEventListener("focusin", (event) => {
  // A browser puts the cursor of a text that nobody has been in at its start; there the line goes to the end.
  if (event.target.closest(".message-box textarea")) event.target.dataset.visited = "";
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (button) {
    event.preventDefault();
    insert(document.getElementById(button.dataset.insert), button.value);
  }
  for (const open of document.querySelectorAll("details.ways[open]")) {
    if (button || !open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.ways[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

function insert(text, line) {
  const { value } = text;
  const [start, end] = "visited" in text.dataset ? [text.selectionStart, text.selectionEnd] : [value.length, value.length];
  const before = value.slice(0, start), after = value.slice(end);
  const opening = before.trim() && !/\s$/.test(before) ? (after.trim() ? " " : "\n") : "";
  const closing = after && !/^\s/.test(after) ? " " : "";
  text.focus();
  text.setRangeText(opening + line + closing, start, end, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
}
