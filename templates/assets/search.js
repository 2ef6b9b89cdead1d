// Asks for the search's own page while the visitor types, and shows what it found. Without scripts,
// the button does. Arrow keys walk from the field through what was found and back.
const form = document.querySelector("form[data-search]");
const field = form?.elements.namedItem("q");
const results = document.getElementById("results");
const count = document.getElementById("count");
let timer;
let asking;
let asked = field?.value;

const ask = async () => {
  if (field.value === asked) return;
  asked = field.value;
  asking?.abort();
  asking = new AbortController();
  try {
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: asking.signal });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    results.replaceChildren(...page.getElementById("results").childNodes);
    count.textContent = page.getElementById("count").textContent;
  } catch {
    // A newer search took its place, or the network is away: the button still asks.
  }
};

field?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, 150);
});

// Who is near: the browser asks the visitor, and a kilometre is near enough.
const near = document.getElementById("near");
if (near && navigator.geolocation) near.hidden = false;
near?.addEventListener("submit", (event) => {
  event.preventDefault();
  const refused = () => {
    count.textContent = near.querySelector("button").dataset.refused;
  };
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    near.elements.namedItem("near").value = `${coords.latitude.toFixed(2)},${coords.longitude.toFixed(2)}`;
    near.submit();
  }, refused, { timeout: 10000, maximumAge: 600000 });
});

document.addEventListener("keydown", (event) => {
  const stops = [field, ...results?.querySelectorAll("button") ?? []];
  const at = stops.indexOf(document.activeElement);
  if (at < 0 || event.isComposing) return;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Escape: 0 }[event.key];
  if (to === undefined || to < 0 || to >= stops.length || to === at) return;
  event.preventDefault();
  stops[to].focus();
});
