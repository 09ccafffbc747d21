// The page of widgets that are controls and pictures; page.js stands before it. Its request is {state}, or {press} for the button that
// starts and stops something long. What the answer holds, and `told`, what is said meanwhile, is described in widget.py.

const BESIDE = 46, HIGH = 130; // pixels: to the left of a curve, height of its lane

export class Controls extends Page {
  begin() { this.state = structuredClone(this.setup.state); }
  build() {
    const { controls, button, last } = this.setup, control = ({ name, label, help, kind, range: r, step, form, slow }) =>
      kind === "tick" ? tick(`state.${name}`, label, help)
        : kind === "options" ? choose(`state.${name}`, r.map((value) => [value, value]), label, help)
          : slider(`state.${name}`, ...r, step, label, help, `${slow ? "" : 'data-on="input"'} data-form="${form}"`);
    this.shell(`${last ? '<button class="mic-play" title="Go through the frames">▶ Play</button>' : ""}${controls.map(control).join("")}
      ${button ? `<span class="mic-pair"><button class="mic-press">${button}</button><progress value="0" aria-label="training"></progress></span>` : ""}
      <button class="mic-reset" title="All controls back to where they began">start again</button>`,
      '<div class="mic-rows"></div>', button ? '<p class="mic-told" role="status" aria-live="polite"></p>' : "");
    this.rows = this.find(".mic-rows");
    if (!button) return;
    this.on(".mic-press", "click", () => { this.pressed = true; this.ask(); });
    this.backend.follow((told) => this.tell(told));
  }
  ended() { this.ask(); }
  request() { return this.pressed ? { press: true } : { state: this.state }; }
  take(answer, { press, state }) {
    if (press) { this.pressed = false; return false; }
    if (JSON.stringify(state) !== JSON.stringify(this.state)) return false;
    const shape = JSON.stringify([answer.rows.map((row) => row.length), answer.curves]);
    if (shape !== this.shape) this.rows.innerHTML = answer.rows.map((row) => `<div class="mic-panels">${row.map(() =>
      '<div><div class="mic-head"><b></b><span></span></div><img alt=""></div>').join("")}</div>`).join("") +
      `<div class="mic-curves">${answer.curves.map(() => "<canvas></canvas>").join("")}</div>`;
    const images = this.rows.querySelectorAll("img"), heads = this.rows.querySelectorAll(".mic-head");
    this.plots = [];
    answer.rows.flat().forEach(({ title, note, width, rows }, i) => {
      [heads[i].children[0].textContent, heads[i].children[1].textContent] = [title, note];
      heads[i].title = note; // it may be cut in a narrow page
      images[i].hidden = rows.length > 0;
      if (rows.length) heads[i].parentElement.style.flex = "1 0 250px"; // pictures beside it shrink first
      if (rows.length) return this.plots.push([heads[i].parentElement, rows]);
      const src = URL.createObjectURL(new Blob([answer.arrays[i]]));
      images[i].parentElement.style.flex = `0 1 ${width}px`;
      Object.assign(images[i], { width, src, onload: () => URL.revokeObjectURL(src) });
    });
    put(this.rows, { role: "img", "aria-label": answer.about });
    this.find(".mic-status").innerText = answer.line;
    Object.assign(this, { answer, shape });
    this.standIn();
    this.layout();
  }
  /** A dot with its interval for each row, and strokes beside it, on one axis. */
  drawRows(cell, rows) {
    cell.querySelector("svg")?.remove();
    const width = cell.clientWidth, longest = (key) => 6.2 * Math.max(...rows.map((row) => row[key].length));
    const left = 12 + longest("name"), right = 14 + longest("note"), line = 21, high = rows.length * line;
    const all = rows.flatMap(({ mean, low, high, others }) => [mean, low, high, ...others]).filter(Number.isFinite);
    const least = Math.min(...all), most = Math.max(...all), plot = svg("svg", { width, height: high + 18, "aria-hidden": "true" }, cell);
    const x = (value) => left + 8 + (value - least) / (most - least || 1) * (width - left - right - 16);
    const text = (words, at, y, anchor = "start") => { svg("text", { x: at, y, "text-anchor": anchor }, plot).textContent = words; };
    const stroke = (x1, y1, x2, y2, ink, width = 1) => svg("line", { x1, y1, x2, y2, style: `stroke: ${ink}; stroke-width: ${width}` }, plot);
    rows.forEach(({ name, mean, low, high, note, colour, hollow, chosen, others }, i) => {
      const y = (i + 0.5) * line, ink = hollow ? "var(--quiet)" : colour ? `rgb(${colour})` : "var(--ink)";
      if (chosen) svg("rect", { x: 0, y: i * line, width, height: line, style: "fill: var(--chosen)" }, plot);
      others.forEach((value) => stroke(x(value), y - 6, x(value), y + 6, "var(--quiet)"));
      if (Number.isFinite(low)) stroke(x(low), y, x(high), y, ink, 2);
      svg("circle", { cx: x(mean), cy: y, r: 4, style: `stroke: ${ink}; fill: ${hollow ? "var(--panel)" : ink}` }, plot);
      text(name, left - 4, y + 4, "end");
      text(note, width - right + 10, y + 4);
    });
    if (least < 0 && most > 0) stroke(x(0), 0, x(0), high, "var(--quiet)");
    for (const value of [least, most]) text(value.toFixed(1), x(value), high + 13, "middle");
  }
  /** Panels of numbers; curves over the frames, each in a lane of its own. */
  layout() {
    if (!this.el.clientWidth) return; // out of sight, nothing has a size
    for (const [cell, rows] of this.plots ?? []) this.drawRows(cell, rows);
    const curves = this.answer?.curves.map((name) => [name, this.answer.arrays[name]]) ?? [], box = this.find(".mic-curves");
    if (!curves.length || !box) return;
    curves.forEach(([name, values], i) => {
      const canvas = box.children[i], context = canvas.getContext("2d"), known = [...values].filter(Number.isFinite), { ratio } = this;
      this.resize(canvas, box.clientWidth, HIGH);
      const column = (box.clientWidth - BESIDE) / values.length, lane = { left: BESIDE, top: 17, high: HIGH - 24, column };
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = this.colour("chosen");
      context.fillRect(BESIDE + this.state.frame * column, 0, column, HIGH);
      const here = values[this.state.frame], about = `${name}: ${Number.isFinite(here) ? here.toFixed(2) : "not known here"}`;
      const low = known.length ? Math.min(...known) : 0, high = known.length ? Math.max(...known, low + 1e-6) : 1;
      this.curves(context, lane, about, [["", "memory", [...values], 2]], [low, high], [...values].map((value) => +!Number.isFinite(value)), (value) => value.toFixed(2));
    });
  }
  /** Play moves through the frames. */
  play() {
    this.next = 0;
    if (!this.playing && this.state.frame === this.setup.last) this.state.frame = 0;
    super.play();
  }
  tick(ms) {
    if (ms < this.next || this.busy) return true;
    if (this.state.frame >= this.setup.last) return false;
    this.next = ms + 120;
    this.state.frame += 1;
    this.sync();
    this.ask();
  }
}

export default { render: rendering(Controls) };
