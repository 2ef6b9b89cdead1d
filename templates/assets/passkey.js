// Passkeys: the browser asks for one, the form carries what it says. Without scripts, or in a browser that
// knows none, the form stays hidden and the page's other ways are there.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer ?? [])))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function ask(form) {
  const { passkey, challenge, host, known, user, login, name } = form.dataset;
  const theirs = (known ?? "").split(" ").filter(Boolean);
  const credentials = theirs.map((id) => ({ type: "public-key", id: bytes(id) }));
  if (passkey === "create") {
    const made = await navigator.credentials.create({ publicKey: {
      challenge: bytes(challenge),
      rp: { id: host, name: host },
      user: { id: bytes(user), name: login, displayName: name },
      pubKeyCredParams: [-7, -257].map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: credentials,
      authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
    } });
    return {
      client_data: made.response.clientDataJSON,
      authenticator_data: made.response.getAuthenticatorData(),
      key: made.response.getPublicKey(),
    };
  }
  const used = await navigator.credentials.get({ publicKey: {
    challenge: bytes(challenge),
    rpId: host,
    allowCredentials: credentials,
    userVerification: credentials.length ? "preferred" : "required",
  } });
  return {
    credential: used.rawId,
    client_data: used.response.clientDataJSON,
    authenticator_data: used.response.authenticatorData,
    signature: used.response.signature,
    user_handle: used.response.userHandle,
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential?.prototype) continue;
  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    try {
      for (const [field, said] of Object.entries(await ask(form))) form.elements[field].value = text(said);
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}
