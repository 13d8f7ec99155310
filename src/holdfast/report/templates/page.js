"use strict";
/* Draws the charts of this page at the width they have, again when that changes, and makes tables sortable.
   Colours are the page's CSS variables, so light, dark and print need nothing from here. */
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, logLevel: 1, tooltip: { disableDefaultStyle: true, theme: "page" } };
  const views = new Map();

  function sized(spec, width) {
    const copy = structuredClone(spec);
    const narrow = width < 560;
    const left = 52;
    const title = 17; /* of the y axis, beside its labels */
    copy.config.axisY = { ...copy.config.axisY, minExtent: left, maxExtent: left };
    copy.config.legend = { ...copy.config.legend, columns: narrow ? (spec.usermeta?.narrowColumns ?? 3) : 0 };
    copy.config.title = { ...copy.config.title, limit: width - 8 }; /* a longer one would make the picture wider, and so smaller */
    copy.padding = { left: 0, right: 10, top: 2, bottom: 2 };
    const plot = Math.max(width - left - title - 12, 120);
    for (const view of copy.vconcat ?? [copy]) view.width = plot;
    for (const param of copy.params ?? []) {
      if (param.name === "crowded" && narrow) param.value = true;
      if (param.name === "pixels") param.value = plot;
    }
    return copy;
  }

  /* The width that a picture in a folded part will have: it is drawn before, for those who print. */
  function unseen(box) {
    return box.closest("details:not([open])") ? Math.max(document.querySelector("main").clientWidth - 112, 240) : 0;
  }

  async function draw(box) {
    const width = box.clientWidth || unseen(box);
    if (!width || views.get(box)?.width === width) return;
    views.get(box)?.result?.finalize();
    views.set(box, { width });
    try {
      views.set(box, { width, result: await vegaEmbed(box, sized(specs[box.dataset.chart], width), options) });
      box.dataset.drawn = "yes";
    } catch (error) {
      box.textContent = `This picture could not be drawn (${error.message}); its figures stand in the tables.`;
    }
  }

  const boxes = [...document.querySelectorAll("[data-chart]")];
  let waiting;
  const observer = new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(() => boxes.forEach(draw), 150);
  });
  for (const box of boxes) draw(box).then(() => observer.observe(box));

  /* A link into a folded part opens it; on paper nothing is folded. */
  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const folded = target.querySelector("details.fold");
    if (folded) folded.open = true;
  }
  addEventListener("hashchange", reveal);
  document.querySelector("nav")?.addEventListener("click", () => setTimeout(reveal));
  reveal();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });

  function value(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(text);
    return text !== "" && Number.isFinite(number) ? number : text;
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.className = "sort";
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") === "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const sign = up ? 1 : -1;
        const rows = [...table.tBodies[0].rows].sort((one, other) => {
          const [a, b] = [value(one, column), value(other, column)];
          return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();
