// What the checks of the results page ask the browser.

const tableOf = (id) => document.querySelector(`table#${id}, #${id} table`);
const rowsOf = (id) => [...tableOf(id).tBodies[0].rows];
const visibleRows = (id) => rowsOf(id).filter((row) => row.checkVisibility()).map((row) => row.textContent);
const headers = (id) => [...tableOf(id).tHead.rows[0].cells];
const column = (id, word) => {
  const index = headers(id).findIndex((cell) => cell.textContent.trim() === word);
  return rowsOf(id).map((row) => row.cells[index].dataset.value ?? row.cells[index].textContent.trim());
};
const sortedBy = (id) =>
  headers(id)
    .filter((cell) => cell.hasAttribute("aria-sort"))
    .map((cell) => [cell.textContent.trim(), cell.getAttribute("aria-sort")]);

const unfolded = () => [...document.querySelectorAll("details.section[open]")].map((one) => one.id);
// The records become a table once their section has told of being unfolded.
const unfold = () =>
  new Promise((done) => {
    for (const one of document.querySelectorAll("details")) one.open = true;
    setTimeout(done, 50);
  });

const ground = () => getComputedStyle(document.body).backgroundColor;

const wider = (width) =>
  [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.closest(".scroll"))
    .slice(0, 8)
    .map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute("class") ?? ""} ${one.textContent.trim().slice(0, 40)}`);

// Colours as red, green, blue (0 to 255) and opacity.
const colour = (text) => {
  const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [];
  if (text.startsWith("rgb")) return [...numbers.slice(0, 3), numbers[3] ?? 1];
  if (text.startsWith("color(srgb")) return [...numbers.slice(0, 3).map((n) => n * 255), numbers[3] ?? 1];
  throw new Error(`a colour in another notation: ${text}`);
};
const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
const luminance = (c) => {
  const [r, g, b] = c.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const ancestors = (element) => (element ? [element, ...ancestors(element.parentElement)] : []);
const opacity = (element) => ancestors(element).reduce((all, one) => all * Number(getComputedStyle(one).opacity), 1);
const background = (element) =>
  ancestors(element)
    .map((one) => colour(getComputedStyle(one).backgroundColor))
    .reverse()
    .reduce((below, next) => over(next, below), [255, 255, 255, 1]);

// Behind a figure's text lies whatever is drawn there, or the page.
const behind = (text) => {
  const box = text.getBoundingClientRect();
  const drawn = document
    .elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
    .filter((one) => one.ownerSVGElement === text.ownerSVGElement && one.tagName !== "text" && one.tagName !== "svg")
    .map((one) => [getComputedStyle(one), opacity(one)])
    .filter(([style]) => style.fill.startsWith("rgb"))
    .map(([style, share]) => {
      const fill = colour(style.fill);
      return [...fill.slice(0, 3), fill[3] * Number(style.fillOpacity) * share];
    });
  return drawn.reverse().reduce((below, next) => over(next, below), background(text.ownerSVGElement));
};

// Every text that is shown: its beginning, its colour, what lies behind it, and their contrast.
const contrasts = () => {
  const found = [];
  const add = (text, top, ground) => {
    const shown = over(top, ground);
    const name = (c) => c.slice(0, 3).map(Math.round).join(" ");
    found.push([text, name(shown), name(ground), ratio(shown, ground)]);
  };
  for (const element of document.querySelectorAll("body *")) {
    if (["SCRIPT", "STYLE", "TITLE", "title", "desc"].includes(element.tagName) || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const faded = (text) => {
      const c = colour(text);
      return [...c.slice(0, 3), c[3] * opacity(element)];
    };
    if (element.tagName === "text") {
      element.scrollIntoView({ block: "center" });
      add(element.textContent, faded(style.fill), behind(element));
      continue;
    }
    if (element.ownerSVGElement) continue;
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(" ").trim();
    if (own) add(own, faded(style.color), background(element));
    for (const part of ["::before", "::after"]) {
      const pseudo = getComputedStyle(element, part);
      if (/^".*\S.*"$/.test(pseudo.content)) add(pseudo.content, faded(pseudo.color), background(element));
    }
    if (element.placeholder) {
      add(element.placeholder, faded(getComputedStyle(element, "::placeholder").color), background(element));
    }
  }
  return found;
};

// A pointer lets go of a slider at a value.
const drag = (id, value) => {
  const range = document.getElementById(id);
  range.value = value;
  range.dispatchEvent(new Event("input", { bubbles: true }));
};
