// What the pages of all widgets share. Python puts this file before microscope.js, memory.js or controls.js: together they are one ES
// module for anywidget, drawing on canvas and SVG, without a build step or network; `export default { render }` is at its end.
//
// A page needs, in render({ model, el, experimental }), only model.get(name), model.on(event, act) and off, and of anywidget's `experimental`
// invoke("reply", request, { buffers, signal }) -> Promise of [answer, buffers]:
//   setup    model to page, once: what may be chosen, the first state, `still` and `about`: a picture, and words, in place of the page.
//   request  page to model: {state, ...}. The page waits for an answer before it sends the next request.
//   answer   model to page: {arrays, line, ...}, or {error}; arrays: [{name, shape, type}], their bytes are the buffers, in C order.
// A page without a kernel hands in objects that keep to this, or calls a page's constructor with a backend of its own:
// run(request) -> Promise of the answer with typed arrays.

const ALL = -1;
const POINT = "#56b4e9", GOAL = "#f0e442", ERROR = "#d55e00", CROP = "#00c08b", CHOSEN = "#ff9f1c", INK = "#1b1f27";
const TYPES = { uint8: Uint8Array, float32: Float32Array, int32: Int32Array };
const SVG = "http://www.w3.org/2000/svg";

/** Typed arrays over plain bytes, by what the kernel sent: {shape, type, data}. */
function unpack({ shape, type, data }) {
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return Object.assign(new TYPES[type](bytes), { shape });
}

/** Asks the kernel. */
class KernelBackend {
  constructor({ model, experimental }) { Object.assign(this, { model, invoke: experimental.invoke }); }

  async run({ image, ...request }) {
    const signal = AbortSignal.timeout(60_000), late = () => { throw new Error("no kernel answers; run this cell again"); };
    const [answer, buffers] = await this.invoke("reply", request, { signal, buffers: image ? [image] : [] }).catch(late);
    if (answer.error) throw new Error(answer.error);
    const arrays = answer.arrays.map(({ name, ...about }, i) => [name, unpack({ ...about, data: buffers[i] })]);
    return { ...answer, arrays: Object.fromEntries(arrays) };
  }
  /** Hands on what the kernel tells of something long. */
  follow(tell) { this.model.on("change:told", this.told = () => tell(this.model.get("told"))); }
  close() { this.model.off("change:told", this.told); }
}

const put = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
function svg(name, attributes, parent) {
  const made = parent.appendChild(document.createElementNS(SVG, name));
  put(made, attributes);
  return made;
}
const listen = (node, events, act) => events.split(" ").forEach((event) => node.addEventListener(event, act));
/** What a pointer does on a node: `over` without a button; `drag` and at last `drop` where `hold` did not return false; `leave`. */
function hands(node, { over, hold, drag, drop = () => {}, leave }) {
  let held = false;
  listen(node, "pointerdown", (event) => {
    held = !event.button && hold(event) !== false;
    if (held) node.setPointerCapture(event.pointerId);
  });
  listen(node, "pointermove", (event) => (held ? drag : over)(event));
  listen(node, "pointerup pointercancel", (event) => {
    if (held) drop(event);
    held = false;
  });
  listen(node, "pointerleave", leave);
}
/** Where an event is, in shares of a node. */
function shares(event, node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
}
const clamp = (v, low, high) => Math.min(Math.max(v, low), high), percent = (share) => `${(100 * share).toFixed(1)} %`;
const range = (n) => [...Array(n).keys()];
/** An array in parts of n values; and as points. */
const cut = (values, n) => range(values.length / n).map((i) => values.subarray(i * n, (i + 1) * n));
const pairs = (values) => cut(values, 2).map((point) => [...point]);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const forward = ([a, b, c, d, e, f], [x, y]) => [a * x + b * y + c, d * x + e * y + f];
function inverse([a, b, c, d, e, f]) {
  const n = a * e - b * d;
  return [e / n, -b / n, (b * f - c * e) / n, -d / n, a / n, (c * d - a * f) / n];
}

// ---- controls: what they set is named by `bind`, a path such as "state.form.draw" from the page; `more`: further attributes
let made = 0;
const options = (pairs) => pairs.map(([value, words]) => `<option value="${value}">${words}</option>`).join("");
const tick = (bind, words, title) => `<label title="${title}"><input type="checkbox" data-bind="${bind}"> ${words}</label>`;
const choose = (bind, pairs, words, title = "", more = "") =>
  `<label title="${title}">${words} <select data-bind="${bind}" ${more}>${options(pairs)}</select></label>`;
const choosePoint = (names) => choose("point", [[ALL, "all 68 points"], ...names.map((words, i) => [i, `${i}: ${words}`])],
  "point", "", 'data-then="chosen" class="mic-point"');
const number = (bind, low, high, words, title, more = "") =>
  `<label title="${title}">${words} <input type="number" data-bind="${bind}" min="${low}" max="${high}" ${more}></label>`;
const slider = (bind, low, high, step, words, title, more = "") => `<label class="mic-slider" title="${title}">${words}
  <input type="range" data-bind="${bind}" min="${low}" max="${high}" step="${step}" ${more}><output></output></label>`;
const key = (pairs) => pairs.map(([colour, words]) => `<span><i style="background:${colour}"></i>${words}</span>`).join("");
const choice = (bind, pairs, words) => `<fieldset><legend>${words}</legend><span class="mic-choice">${pairs.map(([value, word]) =>
  `<label><input type="radio" name="${made}-${bind}" data-bind="${bind}" value="${value}"><span>${word}</span></label>`).join("")}</span></fieldset>`;

/** A page: its state, its controls, what it asks for, and what all pages draw. A page has begin, build, layout, request, take and draw. */
class Page {
  /** el: where it is built; setup: as above, pictures as Blobs; backend: see above. */
  constructor(el, setup, backend) {
    Object.assign(this, { el, setup, backend, hover: null, answer: null, answered: 0, name: `mic-${++made}` });
    const palettes = Object.entries(setup.palettes ?? {}).map(([name, packed]) => [name, new Uint32Array(unpack(packed).buffer)]);
    this.palettes = Object.fromEntries(palettes);
    put(el, { class: "mic", "data-lm-suppress-shortcuts": "true" }); // else JupyterLab takes letters for commands
    this.begin();
    this.build();
    this.sync();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(el);
    const later = () => requestAnimationFrame(() => this.layout()); // JupyterLab hides everything for a moment
    this.themed = new MutationObserver(later); // what canvases draw in the theme's colours
    this.themed.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    this.ask();
    setTimeout(() => this.standIn(), 4000);
  }
  close() {
    this.observer.disconnect();
    this.themed.disconnect();
    this.stop();
    this.backend.close?.();
  }
  find(selector) { return this.el.querySelector(selector); }
  on(selector, event, act) { this.find(selector).addEventListener(event, act); }
  /** The frame of a page: controls, the picture that may stand in for it, its main part, a line of numbers, a line of help. */
  shell(bar, main, foot) {
    this.el.innerHTML = `<div class="mic-bar">${bar}</div><img class="mic-stand-in"><div class="mic-main">${main}</div>
      <div class="mic-foot"><p class="mic-status" role="status" aria-live="polite"></p>${foot}<div class="mic-hint"></div></div>`;
    Object.assign(this.find(".mic-stand-in"), { alt: this.setup.about, src: URL.createObjectURL(this.setup.still) });
    for (const control of this.el.querySelectorAll("[data-bind]")) {
      control.addEventListener(control.dataset.on ?? "change", () => this.set(control));
    }
    this.find(".mic-play")?.addEventListener("click", () => this.play());
    this.find(".mic-reset").addEventListener("click", () => { this.begin(); this.changed(); });
    this.el.addEventListener("keydown", (event) => {
      this.key?.(event);
      event.stopPropagation(); // else the notebook takes arrow keys from radio buttons and lists
    });
  }
  owner(control) {
    const path = control.dataset.bind.split("."), last = path.pop();
    return [path.reduce((object, key) => object[key], this), last];
  }
  set(control) {
    const [object, name] = this.owner(control), { value, type, min, max } = control;
    if (type === "number") object[name] = clamp(value === "" ? object[name] : Math.round(+value), +min, +max);
    else object[name] = type === "checkbox" ? control.checked : value === "" || isNaN(value) ? value : +value;
    control.dataset.then ? this[control.dataset.then]() : this.changed(name);
  }
  /** The controls show the state. */
  sync() {
    for (const control of this.el.querySelectorAll("[data-bind]")) {
      const [object, name] = this.owner(control), value = object[name];
      if (control.type === "radio") control.checked = control.value === String(value);
      else if (control.type === "checkbox") control.checked = value;
      else control.value = value;
      if (control.type === "range") control.nextElementSibling.textContent = control.dataset.form ? percent(value).replace(".0", "") : value;
    }
  }
  changed() {
    this.stop();
    this.layout();
    this.sync();
    this.ask();
  }
  /** Ask for what the state needs; while an answer is awaited only the latest state waits. */
  async ask() {
    if (this.busy) { this.waiting = true; return; }
    this.busy = true;
    do {
      this.waiting = false;
      const request = structuredClone(this.request());
      if (!request) break;
      const taken = (answer) => { if (this.take(answer, request) !== false) this.done(); };
      await this.backend.run(request).then(taken).catch((error) => this.fail(error));
    } while (this.waiting);
    this.busy = false;
  }
  done() {
    this.standIn();
    this.answered += 1;
  }
  /** The still picture in place of the panels, where nothing answers. */
  standIn() { this.el.classList.toggle("mic-alone", !this.answer); }
  fail(error) {
    this.standIn();
    this.find(".mic-status").innerHTML = "<span class='mic-verdict mic-bad'>!</span>";
    this.find(".mic-status").append(` ${error.message}`);
  }
  /** What is told of something long, beside the button that begins and stops it; `ended` of the page: it is at an end. */
  tell({ words, wrong, share, press, done }) {
    Object.assign(this.find(".mic-told"), { textContent: words, className: `mic-told ${wrong ? "mic-bad" : ""}` });
    this.find("progress").value = share;
    this.find(".mic-press").textContent = press;
    if (done !== this.known) this.ended();
    this.known = done;
  }
  hint(words = "") { this.find(".mic-hint").textContent = words; }
  /** Words for a part of the page while it is in focus. */
  help(node, words) { listen(node, "focus blur", ({ type }) => this.hint(type === "focus" ? words : "")); }
  /** Calls `tick(milliseconds, still)` of the page for each picture until it returns false; still: no movement between them. */
  play() {
    if (this.playing || !this.answer) return this.stop();
    const began = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const tick = (now) => {
      if (this.tick(now - began, still) === false) return this.stop();
      if (still) this.timer = setTimeout(() => tick(performance.now()), 300);
      else this.waker = requestAnimationFrame(tick);
    };
    this.playing = true;
    this.find(".mic-play").textContent = "■ Stop";
    tick(began);
  }
  stop() {
    cancelAnimationFrame(this.waker);
    clearTimeout(this.timer);
    if (!this.playing) return false;
    this.playing = false;
    this.find(".mic-play").textContent = "▶ Play";
    return true;
  }

  // ---- points
  get lit() { return this.hover ?? (this.point === ALL ? null : this.point); }
  /** A point is under the pointer, or none. */
  pointAt(near, help) { if (near !== this.hover) { this.hover = near; this.draw(); this.hint(help); } }
  closest(offsets, limit) {
    const far = offsets.map(([x, y]) => Math.hypot(x, y)), least = Math.min(...far);
    return least <= limit ? far.indexOf(least) : null;
  }
  arrow({ key, shiftKey }, small, large) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    return way?.map((v) => v * (shiftKey ? large : small));
  }

  // ---- pictures
  photo(bytes, size) {
    const data = new ImageData(size, size);
    for (let i = 0, j = 0; i < bytes.length; j++) data.data[j] = j % 4 === 3 ? 255 : bytes[i++];
    return this.canvasOf(data);
  }
  /** Whole numbers as a picture, each in its colour of a palette. */
  painted(values, palette, width, height = width) {
    const data = new ImageData(width, height), out = new Uint32Array(data.data.buffer), colours = this.palettes[palette];
    values.forEach((value, i) => { out[i] = colours[value]; });
    return this.canvasOf(data);
  }
  canvasOf(data) {
    const canvas = Object.assign(document.createElement("canvas"), { width: data.width, height: data.height });
    canvas.getContext("2d").putImageData(data, 0, 0);
    return canvas;
  }
  /** A picture that is made once for each answer, under a name of its own. */
  once(name, make) {
    if (this.madeFor !== this.answer) Object.assign(this, { madeFor: this.answer, pictures: {} });
    return this.pictures[name] ??= make();
  }
  /** The map of one channel of the k-th of several, or the largest of all at every cell. */
  channel(array, k, point) {
    const [, channels, h, w] = array.shape, n = h * w, start = k * channels * n;
    if (point !== ALL && channels > 1) return array.subarray(start + point * n, start + (point + 1) * n);
    const out = new Uint8Array(n);
    for (let i = 0; i < channels * n; i++) out[i % n] = Math.max(out[i % n], array[start + i]);
    return out;
  }

  // ---- curves, in pixels of the page
  colour(name) { return getComputedStyle(this.el).getPropertyValue(`--${name}`); }
  words(context, text, x, y, colour, align = "left", weight = "") {
    Object.assign(context, { font: `${weight} 11px sans-serif`, fillStyle: colour, textAlign: align }).fillText(text, x, y);
  }
  /** A title, and curves over frames between two limits: [name, colour, a number for each frame, width]; those that are not known are left out.
   *  grey: the share of the height behind each frame; form: how a limit is written. */
  curves(context, { left, top, high, column }, title, curves, [low, most], grey, form) {
    const [ink, quiet] = ["ink", "quiet"].map((name) => this.colour(name)), y = (value) => top + high * (1 - clamp((value - low) / (most - low), 0, 1));
    context.fillStyle = this.colour("line");
    grey.forEach((share, t) => context.fillRect(left + t * column, top + high * (1 - share), column, high * share));
    this.words(context, title, left, top - 5, ink, "left", "bold");
    let at = left + context.measureText(title).width + 14;
    for (const [name, kind, values, width] of curves) {
      const colour = this.colour(kind), places = values.map((value, t) => [left + (t + 0.5) * column, y(value)]);
      if (name) this.words(context, `● ${name}`, at, top - 5, colour);
      at += context.measureText(`● ${name}`).width + 10;
      values.forEach((value, t) => {
        if (t && Number.isFinite(value + values[t - 1])) this.trace(context, places.slice(t - 1, t + 1), colour, width / this.ratio);
        if (Number.isFinite(value)) this.circle(context, places[t], width / this.ratio, colour, "transparent");
      });
    }
    for (const value of [low, most]) this.words(context, form(value), left - 8, y(value) + 4, quiet, "right");
  }

  // ---- drawing on a canvas; ratio: pixels of the canvas a pixel of the page
  get ratio() { return Math.max(window.devicePixelRatio || 1, 1); }
  resize(canvas, width, height) {
    const [w, h] = [width, height].map((v) => Math.round(v * this.ratio));
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  /** A line through places of a canvas. */
  trace(context, places, colour, width, close = false) {
    context.beginPath();
    for (const place of places) context.lineTo(...place);
    if (close) context.closePath();
    Object.assign(context, { strokeStyle: colour, lineWidth: width * this.ratio }).stroke();
  }
  circle(context, place, radius, fill, edge = INK, width = 0.7) {
    context.beginPath();
    context.arc(...place, radius * this.ratio, 0, 7);
    Object.assign(context, { fillStyle: fill, strokeStyle: edge, lineWidth: width * this.ratio });
    context.fill();
    context.stroke();
  }
  wash(context, how, colour) {
    Object.assign(context, { globalCompositeOperation: how, fillStyle: colour });
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.globalCompositeOperation = "source-over";
  }
  /** A map that glows over a crop in dark grey. */
  glow(context, crop, map) {
    const n = context.canvas.width;
    context.drawImage(crop, 0, 0, n, n);
    this.wash(context, "saturation", "#000");
    this.wash(context, "source-over", "rgba(0, 0, 0, .45)");
    context.drawImage(map, 0, 0, n, n);
  }
  /** Strokes of a face through its places on a canvas. */
  strokes(context, places, colour, strength, width = 1) {
    context.globalAlpha = strength;
    for (const [indices, closed] of this.setup.lines) this.trace(context, indices.map((i) => places[i]), colour, width, closed);
    context.globalAlpha = 1;
  }
  /** Points at places of a canvas, with a line to each goal where goals are given; those that are unsure are hollow. */
  drawPoints(context, places, { radius, goals = null, strokes = true, unsure = () => false }) {
    const { lit, point } = this, all = point === ALL, shown = all ? range(68) : [point];
    if (strokes) this.strokes(context, places, POINT, all ? 0.55 : 0.35);
    for (const i of goals ? shown : []) this.trace(context, [places[i], goals[i]], ERROR, all ? 1 : 2);
    for (const i of goals ? shown : []) this.circle(context, goals[i], 0.8 * radius, GOAL);
    for (const i of range(68)) {
      if (!shown.includes(i)) this.circle(context, places[i], 0.6 * radius, POINT, "transparent");
      else if (unsure(i)) this.circle(context, places[i], radius + 0.6, "transparent", POINT, 1);
      else this.circle(context, places[i], radius, POINT);
    }
    if (lit === null) return;
    this.circle(context, places[lit], radius + 1.6, CHOSEN);
    this.circle(context, places[lit], radius + 5, "transparent", CHOSEN, 1.6);
  }
}

/** `render` of anywidget for a kind of page. */
const rendering = (kind) => ({ model, el, experimental }) => {
  const setup = { ...model.get("setup") };
  setup.still = new Blob([setup.still]);
  const root = el.appendChild(document.createElement("div"));
  root.page = new kind(root, setup, new KernelBackend({ model, experimental }));
  return () => root.page.close();
};
