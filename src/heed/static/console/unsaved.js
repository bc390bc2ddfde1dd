// A page with several forms: sending one keeps what stands unsaved in the others, for when the page is back.
// It stays in this tab alone, and for ten minutes at most.

const UNSAVED = "unsaved", LASTS_MS = 600000;

const written = (form) => [...form.elements].filter((field) =>
  field.name && (field.type === "textarea" || field.type === "text") && field.value !== field.defaultValue);

const forms = () => [...document.querySelectorAll("main form[method=post][action]")];

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const others = forms().filter((form) => form !== event.target);
  const fields = others.flatMap((form) => written(form).map(({ name, value }) => [form.getAttribute("action"), name, value]));
  if (fields.length) sessionStorage.setItem(UNSAVED, JSON.stringify({ at: Date.now(), fields }));
});

addEventListener("DOMContentLoaded", () => {
  const kept = JSON.parse(sessionStorage.getItem(UNSAVED) ?? "null");
  if (!kept) return;
  const here = kept.fields.flatMap(([action, name, value]) => {
    const field = forms().find((form) => form.getAttribute("action") === action)?.elements[name];
    return field ? [[field, value]] : [];
  });
  if (here.length || Date.now() - kept.at > LASTS_MS) sessionStorage.removeItem(UNSAVED);
  if (Date.now() - kept.at > LASTS_MS) return;
  for (const [field, value] of here) {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
