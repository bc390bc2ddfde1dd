// One key decides a review: O or N presses its button. Without this the buttons work, and nothing speaks of keys.

(() => {
  const ASLEEP = 500; // milliseconds: a key pressed twice must not decide the next text, which nobody has read yet
  const buttons = document.querySelectorAll("[data-key]");
  const choice = document.querySelector(".one-key");
  if (!buttons.length || !choice) return;

  const box = choice.querySelector("input"), ready = performance.now();
  box.checked = localStorage.getItem("one-key") !== "off";
  choice.hidden = false;
  show();
  box.addEventListener("change", () => {
    localStorage.setItem("one-key", box.checked ? "on" : "off");
    show();
  });

  document.addEventListener("keydown", (event) => {
    if (!box.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("textarea, select, input:not([type=checkbox])")) return;
    const button = [...buttons].find((one) => one.dataset.key === event.key.toLowerCase());
    if (button && event.timeStamp - ready > ASLEEP) button.click();
  });

  function show() {
    for (const button of buttons) {
      button.querySelector("kbd").hidden = !box.checked;
      if (box.checked) button.setAttribute("aria-keyshortcuts", button.dataset.key);
      else button.removeAttribute("aria-keyshortcuts");
    }
  }
})();
