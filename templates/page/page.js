"use strict";
// Sorting, filtering and the choice of light or dark. Without it the page says the same, unsorted.
(() => {
  const number = (cell) => (cell.dataset.value === undefined ? undefined : parseFloat(cell.dataset.value));

  // What has no value comes last, whichever way it is sorted.
  const order = (one, other, sign) => {
    const [a, b] = [number(one), number(other)];
    if (a === undefined || b === undefined) {
      return sign * one.textContent.trim().localeCompare(other.textContent.trim(), "en", { numeric: true });
    }
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return sign * (a - b);
  };

  const sort = (table, header) => {
    const column = header.cellIndex;
    const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => order(a.cells[column], b.cells[column], sign));
    table.tBodies[0].append(...rows);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
  };

  for (const table of document.querySelectorAll("table[data-sort]")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }

  const field = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const rows = [...document.getElementById("records-table").tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      row.hidden = !words.every((word) => texts.get(row).includes(word));
      count += !row.hidden;
    }
    shown.textContent = `${count} / ${rows.length}`;
  };
  field.addEventListener("input", filter);
  field.closest("p").hidden = false;
  filter();

  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch {
      return null; // a page from a file may have no storage
    }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const reflect = () => toggle.setAttribute("aria-pressed", String(isDark()));
  const chosen = kept();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept(root.dataset.theme);
    reflect();
  });
  system.addEventListener("change", reflect);
  toggle.closest("p").hidden = false;
  reflect();

  // The section being read is marked in the contents.
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
  const watch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const section of document.querySelectorAll("main > section")) watch.observe(section);
})();
