"use strict";

// Tables sort by a button in each header; what is missing stays last either way.
(() => {
  const announce = document.getElementById("announce");
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  const keyOf = (row, place) => {
    const cell = row.cells[place];
    return (cell.dataset.sort ?? cell.textContent).trim();
  };

  const ordered = (rows, place, numbers, sign) => {
    const missing = (key) => key === "" || key === "–";
    const by = (a, b) => (numbers ? Number(a) - Number(b) : compare(a, b));
    return rows
      .map((row) => ({ row, key: keyOf(row, place) }))
      .sort((a, b) => missing(a.key) - missing(b.key) || sign * by(a.key, b.key))
      .map(({ row }) => row);
  };

  const sortBy = (header) => {
    const table = header.closest("table");
    const place = header.cellIndex;
    const numbers = header.classList.contains("number");
    const body = table.tBodies[0];
    const keys = [...body.rows].map((row) => keyOf(row, place));
    const allNumbers = keys.every((key) => key === "" || !Number.isNaN(Number(key)));
    const was = header.getAttribute("aria-sort");
    const first = numbers ? "descending" : "ascending";
    const other = numbers ? "ascending" : "descending";
    const now = was === first ? other : first;
    table.querySelectorAll("th[aria-sort]").forEach((th) => th.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", now);
    body.append(...ordered([...body.rows], place, allNumbers, now === "ascending" ? 1 : -1));
    announce.textContent = `Sorted by ${header.textContent.trim()}, ${now}.`;
  };

  document.querySelectorAll("thead button").forEach((button) => {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  });

  // Only a box that scrolls needs a place in the order of the tab key.
  const boxes = document.querySelectorAll(".table-box, pre, .scrolls");
  const setTabStops = () =>
    boxes.forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  addEventListener("resize", setTabStops);
  document.addEventListener("toggle", setTabStops, true);
  setTabStops();

  // Paper shows what the screen folds away.
  const folded = document.querySelectorAll("details:not([open])");
  addEventListener("beforeprint", () => folded.forEach((part) => (part.open = true)));
  addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));
})();
