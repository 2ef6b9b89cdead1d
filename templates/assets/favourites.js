// Favourites are put in order by dragging, or with Alt and an arrow on any button of one. Without
// scripts, the arrows of the page do the same.
const picks = document.querySelector("form[data-favourites] ol.picks");
const form = picks?.closest("form");
let dragged;

if (picks) {
  document.querySelector("[data-drag-hint]").hidden = false;
  for (const item of picks.children) item.draggable = true;
}

picks?.addEventListener("dragstart", (event) => {
  dragged = event.target.closest("li");
  event.dataTransfer.effectAllowed = "move";
});

picks?.addEventListener("dragover", (event) => {
  const over = event.target.closest("li");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const box = over.getBoundingClientRect();
  const below = event.clientY > box.top + box.height / 2;
  over[below ? "after" : "before"](dragged);
});

picks?.addEventListener("dragend", () => {
  dragged = undefined;
  const order = document.createElement("input");
  order.type = "hidden";
  order.name = "order";
  order.value = [...picks.children].map((item) => item.dataset.id).join();
  form.append(order);
  form.submit();
});

picks?.addEventListener("keydown", (event) => {
  const name = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  if (!event.altKey || !name) return;
  event.preventDefault();
  event.target.closest("li")?.querySelector(`button[name=${name}]:enabled`)?.click();
});

// After a change the page opens at what was changed: the next key goes on from there.
const moved = location.hash.startsWith("#app-") && document.getElementById(location.hash.slice(1));
moved?.querySelector("button:enabled")?.focus();
