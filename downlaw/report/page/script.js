(() => {
  "use strict";
  const twins = JSON.parse(document.getElementById("palette").textContent);
  const papers = {
    light: { paper: "#ffffff", ink: "#1b1f24", grey: "#5f6670", grid: "#e3e6ea" },
    dark: { paper: "#16191f", ink: "#e6e8eb", grey: "#a2aab4", grid: "#2c323b" },
  };
  const PRINTED = 660; // pixels across A4 and Letter alike
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const coarse = window.matchMedia("(pointer: coarse)");
  const plots = [...document.querySelectorAll(".plot[data-figure]")];
  const figures = new Map(); // by plot: what it shows, once it was drawn
  let printing = false;

  const mode = () => (prefersDark.matches && !printing ? "dark" : "light");

  function colour(token) {
    const [name, opacity] = token.slice(1).split("/");
    const hex = papers[mode()][name] || (twins[name] && twins[name][mode() === "dark" ? 1 : 0]) || name;
    if (!opacity) return hex;
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${opacity})`;
  }

  // Only known keys hold colours: a text may begin with @ too.
  const COLOURS = new Set(["color", "fillcolor", "gridcolor", "linecolor", "tickcolor", "zerolinecolor", "paper_bgcolor", "plot_bgcolor"]);
  function painted(value, key) {
    if (Array.isArray(value)) return typeof value[0] === "object" && value[0] ? value.map((each) => painted(each)) : value.slice();
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, painted(each, name)]));
    }
    return COLOURS.has(key) && typeof value === "string" ? colour(value) : value;
  }

  function draw(plot) {
    let figure = figures.get(plot);
    if (!figure) {
      figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
      figures.set(plot, figure);
    }
    const data = painted(figure.data);
    const layout = painted(figure.layout);
    const groups = new Map(buttonsOf(plot).map((b) => [b.dataset.group, b.getAttribute("aria-pressed") === "true"]));
    data.forEach((trace) => { if (groups.has(trace.meta)) trace.visible = groups.get(trace.meta); });
    if (printing) { layout.width = PRINTED; layout.height = plot.classList.contains("bars") ? 420 : 340; }
    if (coarse.matches) layout.dragmode = false; // so that a finger scrolls the page
    const narrow = plot.clientWidth < 500;
    if (narrow && !printing) {
      layout.font.size = 11;
      layout.margin.l = 48;
    }
    thinTicks(layout.xaxis, (printing ? PRINTED : plot.clientWidth) - 80);
    Plotly.react(plot, data, layout, {
      responsive: !printing, displaylogo: false, displayModeBar: narrow ? false : undefined,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], scrollZoom: false,
    });
  }

  // Labels that there is room for; the ticks between them stay.
  function thinTicks(axis, width) {
    if (!axis.ticktext) return;
    const places = axis.type === "log" ? axis.tickvals.map(Math.log10) : axis.tickvals;
    const [low, high] = axis.range || [Math.min(...places), Math.max(...places)];
    let last = -Infinity;
    axis.ticktext = axis.ticktext.map((text, number) => {
      const at = ((places[number] - low) / (high - low || 1)) * width;
      if (at - last < 44) return "";
      last = at;
      return text;
    });
  }

  function buttonsOf(plot) {
    return [...plot.closest("figure").querySelectorAll(".legend button")];
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
    }
  }, { rootMargin: "400px 0px" });
  plots.forEach((plot) => seen.observe(plot));

  function drawOpen(all) {
    for (const plot of plots) {
      if (all || plot.checkVisibility?.() !== false) { seen.unobserve(plot); draw(plot); }
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const plot = button.closest("figure")?.querySelector(".plot");
    if (!plot) return;
    if (button.dataset.all) buttonsOf(plot).forEach((each) => each.setAttribute("aria-pressed", button.dataset.all));
    else button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    draw(plot);
  });

  const redraw = () => figures.forEach((_, plot) => draw(plot));
  prefersDark.addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => { printing = true; drawOpen(false); });
  window.addEventListener("afterprint", () => { printing = false; redraw(); });

  function openAround() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* no encoding of anything: taken as it is */ }
    const target = name && document.getElementById(name);
    if (!target) return;
    target.querySelector(":scope > details")?.setAttribute("open", "");
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", openAround);
  openAround();
  if (window.matchMedia("(min-width: 70rem)").matches) document.querySelector("details.contents").open = true;
  window.downlawReport = { drawAll: () => drawOpen(true), drawn: () => figures.size };
})();
