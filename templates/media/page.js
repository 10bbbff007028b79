"use strict";
// Sorting, filtering, unfolding, and the choice of light or dark. Without it the page lacks only the records.
(() => {
  const number = (cell) => (cell.dataset.value === undefined ? undefined : parseFloat(cell.dataset.value));

  // What has no value comes last, whichever way it is sorted.
  const order = (one, other, sign) => {
    const [a, b] = [number(one), number(other)];
    if (a === undefined && b === undefined) {
      return sign * one.textContent.trim().localeCompare(other.textContent.trim(), "en", { numeric: true });
    }
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
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

  const sortable = (table) => {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  };
  document.querySelectorAll("table[data-sort]").forEach(sortable);

  // The records: data until they are asked for.
  const TITLES = [
    "Id", "Model", "Criterion", "Part", "Removed", "Perplexity", "Ratio", "BPB", "Agree", "KL", "Mask", "Status",
  ];
  const FIRST_NUMBER = 4;
  const LAST_NUMBER = 9;
  const records = document.getElementById("records");
  const field = document.getElementById("filter");
  const shown = document.getElementById("shown");
  let rows = [];

  const build = () => {
    if (!records || rows.length) return;
    const found = JSON.parse(document.getElementById("records-data").textContent);
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    TITLES.forEach((title, i) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      if (i >= FIRST_NUMBER && i <= LAST_NUMBER) cell.className = "n";
      head.append(cell);
    });
    const body = table.createTBody();
    for (const values of found) {
      const row = body.insertRow();
      const reason = values[TITLES.length]; // why it failed, where it did
      values.slice(0, TITLES.length).forEach((value, i) => {
        const cell = row.insertCell();
        cell.textContent = value === null ? "n/m" : value === "" ? "–" : value;
        if (reason && (value === null || i === TITLES.length - 1)) cell.title = `not measured: ${reason}`;
        if (i >= FIRST_NUMBER && i <= LAST_NUMBER) {
          cell.className = "n";
          if (value !== null) cell.dataset.value = value;
        }
      });
    }
    sortable(table);
    document.getElementById("records-table").append(table);
    rows = [...body.rows].map((row) => [row, row.textContent.toLowerCase()]);
    field.closest("p").hidden = false;
    filter();
  };

  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    shown.textContent = `${count} / ${rows.length}`;
  };

  if (records) {
    records.addEventListener("toggle", () => records.open && build());
    field.addEventListener("input", () => {
      filter();
      const wanted = field.value ? `#records=${encodeURIComponent(field.value)}` : "#records";
      history.replaceState(null, "", wanted);
    });
  }

  // The address unfolds what it names: `#criteria`, `#table-effort`, `#records=random blocks`.
  const follow = () => {
    const [id, wanted] = decodeURIComponent(location.hash.slice(1)).split("=");
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (id === "records" && wanted !== undefined) {
      build();
      field.value = wanted;
      filter();
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  const sections = [...document.querySelectorAll("details.section")];
  const unfold = document.getElementById("unfold");
  unfold.addEventListener("click", () => {
    const open = sections.some((one) => !one.open);
    for (const one of sections) one.open = open;
    unfold.textContent = open ? "Fold all" : "Unfold all";
  });

  // The slider stops at what was measured; a key goes to the next stop.
  const stops = [...document.querySelectorAll(".stop")];
  const range = document.getElementById("removed");
  if (range) {
    const places = stops.map((stop) => parseFloat(stop.dataset.place));
    let now = stops.findIndex((stop) => !stop.hidden);
    const stopAt = (index) => {
      stops[now].hidden = true;
      now = Math.min(Math.max(index, 0), stops.length - 1);
      stops[now].hidden = false;
      range.value = places[now];
      range.setAttribute("aria-valuetext", stops[now].dataset.said);
    };
    const nearest = (value) =>
      places.reduce((best, place, i) => (Math.abs(place - value) < Math.abs(places[best] - value) ? i : best), 0);
    const KEYS = {
      ArrowRight: () => now + 1, ArrowUp: () => now + 1, PageUp: () => now + 4, End: () => stops.length - 1,
      ArrowLeft: () => now - 1, ArrowDown: () => now - 1, PageDown: () => now - 4, Home: () => 0,
    };
    range.addEventListener("input", () => stopAt(nearest(parseFloat(range.value))));
    range.addEventListener("keydown", (event) => {
      if (!KEYS[event.key]) return;
      event.preventDefault();
      stopAt(KEYS[event.key]());
    });
    range.closest("p").hidden = false;
    stopAt(now);
  }

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
})();
