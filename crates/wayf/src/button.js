// Eduline: a sign-on button in a page of yours.
//
//   <div data-eduline data-entity-id="https://sp.example/shibboleth"
//        data-return="https://sp.example/Shibboleth.sso/Login?SAMLDS=1&target=…" data-lang="fr"></div>
//   <script src="https://federation.example/wayf/button.js" defer></script>
//
// data-login: an address of yours that starts a sign-on, in place of the two above.
// data-text: the button's words. Style it by its class, eduline-button.
(() => {
  const script = document.currentScript;
  if (!script) return;
  const wayf = new URL("./", script.src);
  const words = { fr: "Se connecter avec l’académie", en: "Sign in with the académie" };
  const make = () => {
    for (const place of document.querySelectorAll("[data-eduline]:empty")) {
      const { entityId, return: back, login, lang, text } = place.dataset;
      let to;
      try {
        to = login ? new URL(login, document.baseURI) : new URL(wayf);
      } catch {
        continue;
      }
      if (to.protocol !== "https:" && to.origin !== location.origin && to.origin !== wayf.origin) continue;
      if (!login) {
        if (!entityId) continue;
        to.searchParams.set("entityID", entityId);
        if (back) to.searchParams.set("return", back);
      }
      const link = document.createElement("a");
      link.href = to.href;
      link.className = "eduline-button";
      link.textContent = text || words[lang || document.documentElement.lang.slice(0, 2)] || words.fr;
      if (lang) link.lang = lang;
      place.append(link);
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", make);
  else make();
})();
