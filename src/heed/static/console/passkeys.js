// Passkeys: the browser's part of adding one and of signing in with one. Without script the password and the codes do.

// <form data-passkey="create|get" data-options="address or #id"> is sent with what the browser's passkey answers.
document.addEventListener("submit", async (event) => {
  const form = event.target, credential = form.elements?.credential;
  if (!form.dataset.passkey || !credential || credential.value) return;
  event.preventDefault();
  const problem = form.querySelector("[data-problem]");
  problem.hidden = true;
  try {
    credential.value = JSON.stringify(await answer(form.dataset.passkey, await optionsOf(form.dataset.options)));
    form.requestSubmit();
  } catch (error) {
    problem.hidden = false; // nothing chosen, a time-out, or a browser that has no passkeys
  }
}, true);

async function optionsOf(where) {
  if (where.startsWith("#")) return JSON.parse(document.querySelector(where).textContent);
  const response = await fetch(where, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function answer(kind, { creation_options: create, request_options: get }) {
  if (kind === "create") {
    return navigator.credentials.create({ publicKey: discoverable(PublicKeyCredential.parseCreationOptionsFromJSON(create.publicKey)) }).then((made) => made.toJSON());
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(get.publicKey) }).then((found) => found.toJSON());
}

// A passkey is kept by the device, and unlocked there: so it stands for the password too.
function discoverable(options) {
  Object.assign(options.authenticatorSelection, { residentKey: "required", requireResidentKey: true, userVerification: "required" });
  return options;
}

for (const form of document.querySelectorAll("form[data-passkey][hidden]")) form.hidden = !window.PublicKeyCredential;
