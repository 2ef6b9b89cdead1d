// The rules of the page, ticked while one types. The server judges; without this nothing is missing.
const typed = document.getElementById("nouveau");
const rules = document.getElementById("rules");
const has = {
  length: (text, rule) => [...text].length >= Number(rule.dataset.least),
  upper: (text) => /\p{Lu}/u.test(text),
  lower: (text) => /\p{Ll}/u.test(text),
  digit: (text) => /[0-9]/.test(text),
  special: (text, rule) => /[^\p{L}\p{N}\s]/u.test(text) || [...text].length >= Number(rule.dataset.without || Infinity),
  words: (text, rule) => text.length >= 25 && text.split(/[^\p{L}\p{N}]+/u).filter(Boolean).length >= Number(rule.dataset.least),
};
if (typed && rules) {
  const marks = [...rules.querySelectorAll("[data-rule]")].map((rule) => {
    const said = document.createElement("span");
    said.className = "visually-hidden";
    rule.append(said);
    return [rule, said];
  });
  typed.addEventListener("input", () => {
    for (const [rule, said] of marks) {
      const met = typed.value !== "" && has[rule.dataset.rule](typed.value, rule);
      rule.classList.toggle("met", met);
      said.textContent = met ? ` ${rules.dataset.met}` : "";
    }
  });
}
