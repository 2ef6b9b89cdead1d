// What does not match is hidden while one types; without scripts, or with Enter, the server searches.
{
  const field = document.querySelector("input[data-filter]");
  const said = document.querySelector("[data-filter-none]");
  const fold = (text) =>
    text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/œ/g, "oe").replace(/[’'\u00a0\u202f-]/g, " ");
  const items = [...document.querySelectorAll("[data-filtered] li[data-application]")].map((item) => [
    item,
    fold(`${item.textContent} ${item.dataset.application}`),
  ]);

  field?.addEventListener("input", () => {
    const words = fold(field.value).split(" ").filter(Boolean);
    for (const [item, text] of items) item.hidden = !words.every((word) => text.includes(word));
    for (const section of document.querySelectorAll("[data-filtered]"))
      section.hidden = !section.querySelector("li[data-application]:not([hidden])");
    const none = items.every(([item]) => item.hidden);
    said.textContent = none ? said.dataset.none : "";
  });
}
