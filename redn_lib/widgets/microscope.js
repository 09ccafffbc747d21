// The page of the loop microscope: one ES module, drawing on canvas and SVG, without a build step or network.
//
// It knows its backend by one call, backend.run({state, probe, inside}) -> Promise<{arrays, line, home, opened, ms}>; all
// of them are described in microscope.py. KernelBackend asks a Jupyter kernel; another one may compute in the page.

const ALL = -1;
const POINT = "#56b4e9", GOAL = "#f0e442", ERROR = "#d55e00", CROP = "#00c08b", CHOSEN = "#ff9f1c", INK = "#1b1f27";
const TYPES = { uint8: Uint8Array, float32: Float32Array, int32: Int32Array };
const REST = "Drag the first box, a corner (size) or the knob (turn). Press a point for its maps. Paint or erase in z. " +
  "Press a cell of a response map to see where its value comes from.";
const HELP = {
  box: "First box: drag it, a corner or the knob. Keys: arrows move (Shift: further), + and − scale, [ and ] turn, 0 puts it back.",
  occluder: "Occluder: drag it, or its corner. Keys: arrows move (Shift: further), + and − change its size, Delete removes it.",
  crop: "Crop of this step with the points after it. Point at a point for its name, press it for its maps.",
  z: "z: drag to paint or erase. Keys: arrows move the brush (Shift: further), Space paints or erases, Ctrl+Z takes it back.",
  inside: "Inside one step. Above: down to the pool. Below: up from it to the maps. Press a point to see its maps.",
  maps: "Response maps: press a cell. Keys: arrows move the cell (Shift: further), Enter asks where its value comes from.",
};

/** Panels inside a step: the way down to a pool, and up from it. */
const INSIDE = [["crop", "crop"], ["before", "encoder"], ["pooled", "pooled"], ["places", "remembered"],
  ["held", "decoder holds"], ["back", "put back"], ["detection", "detection"], ["maps", "response"]];

/** Arrays over plain bytes, by what the kernel sent: {shape, type, data}. */
function unpack({ shape, type, data }) {
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return Object.assign(new TYPES[type](bytes), { shape });
}

/** Asks the kernel through the widget's traits `request` and `answer`. */
export class KernelBackend {
  constructor(model) {
    Object.assign(this, { model, number: Date.now() });
    model.on("change:answer", this.listen = () => this.heard?.(model.get("answer")));
  }

  run(request) {
    const number = ++this.number;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no kernel answers; run this cell again")), 60_000);
      this.heard = (answer) => {
        if (answer.number !== number) return;
        clearTimeout(late);
        if (answer.error) return reject(new Error(answer.error));
        const arrays = Object.entries(answer.arrays).map(([name, packed]) => [name, unpack(packed)]);
        resolve({ ...answer, arrays: Object.fromEntries(arrays) });
      };
      this.model.set("request", { number, ...request });
      this.model.save_changes();
    });
  }

  close() { this.model.off("change:answer", this.listen); }
}

const SVG = "http://www.w3.org/2000/svg";
const put = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
function svg(name, attributes, parent) {
  const made = parent.appendChild(document.createElementNS(SVG, name));
  put(made, attributes);
  return made;
}
const clamp = (v, low, high) => Math.min(Math.max(v, low), high), percent = (share) => `${(100 * share).toFixed(1)} %`;
const ease = (t) => t * t * (3 - 2 * t), mix = (a, b, t) => a.map((value, i) => value + t * (b[i] - value));
const forward = ([a, b, c, d, e, f], [x, y]) => [a * x + b * y + c, d * x + e * y + f];
const range = (n) => [...Array(n).keys()], pairs = (values) => range(values.length / 2).map((i) => [...values.subarray(2 * i, 2 * i + 2)]);
function inverse([a, b, c, d, e, f]) {
  const n = a * e - b * d;
  return [e / n, -b / n, (b * f - c * e) / n, -d / n, a / n, (c * d - a * f) / n];
}
let made = 0;

export class Microscope {
  /** el: where it is built; setup: as in microscope.py, image a Blob; backend: see above. */
  constructor(el, setup, backend) {
    Object.assign(this, { el, setup, backend, hover: null, answer: null, t: null, K: 0 });
    Object.assign(this, { brush: "paint", cursor: {}, colours: unpack(setup.colours) });
    this.begin();
    this.build();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(el);
    this.ask();
    setTimeout(() => this.standIn(), 4000);
  }
  /** Everything as the setup says. */
  begin() {
    const { setup } = this, { point = ALL, ...inside } = setup.inside ?? {};
    Object.assign(this, { point, probe: null, open: Boolean(setup.inside), state: structuredClone(setup.state) });
    this.inside = { step: 1, pool: +Object.keys(setup.channels)[0], rank: 1, ...inside };
    this.show(setup.faces[setup.state.image]);
  }
  /** The face whose loop is asked for next. */
  show(face) {
    if (face === this.face) return;
    Object.assign(this, { face, picture: null, answer: null, K: 0, probe: null });
    createImageBitmap(face.image).then((picture) => { if (face === this.face) { this.picture = picture; this.layout(); } });
  }
  close() {
    this.observer.disconnect();
    this.halt();
    this.backend.close?.();
  }

  // ---- the page
  build() {
    const { setup } = this, name = this.name = `mic-${++made}`;
    const options = (pairs) => pairs.map(([value, words]) => `<option value="${value}">${words}</option>`).join("");
    const choice = (group, pairs) => `<span class="mic-choice">${pairs.map(([value, words]) =>
      `<label><input type="radio" name="${name}-${group}" value="${value}"><span>${words}</span></label>`).join("")}</span>`;
    const points = setup.names.map((words, i) => [i, `${i}: ${words}`]), pools = Object.keys(setup.channels);
    this.el.innerHTML = `
      <div class="mic-bar">
        <button class="mic-play" title="Run the steps as one movement, coarse to fine">▶ Play</button>
        <fieldset><legend>steps</legend>${choice("steps", range(setup.most_steps).map((k) => [k + 1, k + 1]))}</fieldset>
        <label title="What a step hands on to the next as z">feedback
          <select class="mic-draw">${options(Object.entries(setup.draws))}</select></label>
        <label title="Take the crop again around the last points"><input type="checkbox" class="mic-recrop"> recrop</label>
        <label title="Average the steps' predictions"><input type="checkbox" class="mic-average"> average</label>
        <label>point <select class="mic-point">${options([[ALL, "all 68 points"], ...points])}</select></label>
        <button class="mic-open" aria-pressed="false" title="One step from the inside: a pool, the decoder, the maps">inside</button>
        <i class="mic-break"></i>
        <span class="mic-of-inside"><label>step <select class="mic-opened"></select></label>
        <fieldset><legend>pool</legend>${choice("pool", pools.map((pool) => [pool, pool]))}</fieldset>
        <label title="1: the channel in which the decoder's largest value is">rank <input type="number" class="mic-rank" min="1"></label>
        <label title="Values go back where they were, else upper left in their window"><input type="checkbox" class="mic-memory">
          pools remember</label>
        <label title="f_REG gets the encoder's features, else zeros"><input type="checkbox" class="mic-features">
          f_REG sees features</label></span>
        <span class="mic-of-loop"><fieldset><legend>in z</legend>${choice("brush", [["paint", "paint"], ["erase", "erase"]])}</fieldset>
        <label>of step <select class="mic-which"></select></label>
        <button class="mic-blank" title="Empty this z: the channel of the chosen point, or all">blank</button>
        <span class="mic-pair"><button class="mic-exchange" title="Exchange these two channels of z">exchange</button>
          <select class="mic-channel mic-a" aria-label="one channel">${options(points.map(([i]) => [i, i]))}</select>
          <select class="mic-channel mic-b" aria-label="other channel">${options(points.map(([i]) => [i, i]))}</select></span>
        <button class="mic-undo" title="Take the last change of z back">undo</button></span>
        <select class="mic-face mic-last" aria-label="image" ${setup.faces.length > 1 ? "" : "hidden"}>
          ${options(setup.faces.map(({ name }, i) => [i, name]))}</select>
        <label title="The whole image instead of the face"><input type="checkbox" class="mic-whole"> whole</label>
        <button class="mic-hide" aria-pressed="false" title="A grey square over the image">occluder</button>
        <button class="mic-reset" title="Everything back to where it began">start again</button>
      </div>
      <img class="mic-stand-in" alt="${setup.about}" src="${URL.createObjectURL(setup.still)}">
      <div class="mic-main">
        <div class="mic-image" data-name=""><canvas role="img"></canvas><svg></svg></div>
        <div class="mic-steps"></div>
      </div>
      <div class="mic-foot">
        <p class="mic-status" role="status" aria-live="polite"></p>
        <div class="mic-key">${[[POINT, "prediction"], [GOAL, "<span class='mic-goal'></span>"], [ERROR, "error"]]
          .map(([colour, words]) => `<span><i style="background:${colour}"></i>${words}</span>`).join("")}
          <span><i class="mic-square" style="color:#cc79a7"></i>first box</span>
          <span><i class="mic-square" style="color:#009e73"></i>crops</span><span class="mic-ms"></span></div>
        <div class="mic-parts"></div>
        <div class="mic-hint">${REST}</div>
      </div>`;
    put(this.el, { class: "mic", "data-lm-suppress-shortcuts": "true" }); // else JupyterLab takes letters for commands
    const find = (selector) => this.el.querySelector(selector);
    Object.assign(this, { find, image: find(".mic-image canvas"), over: find(".mic-image svg"), grid: find(".mic-steps") });
    const on = (selector, event, act) => find(selector).addEventListener(event, act);
    const change = (act) => (event) => { act(event.target); this.changed(); };
    for (const radio of this.el.querySelectorAll("[type=radio]")) radio.addEventListener("change", () => {
      if (radio.name.endsWith("brush")) this.brush = radio.value;
      else if (radio.name.endsWith("pool")) change(() => { this.inside.pool = +radio.value; })(radio);
      else change(() => { this.state.steps = +radio.value; this.probe = null; })(radio);
    });
    on(".mic-draw", "change", change((select) => { this.state.form.draw = select.value; }));
    for (const part of ["recrop", "average"]) {
      on(`.mic-${part}`, "change", change((box) => { this.state.form[part] = box.checked; }));
    }
    for (const part of ["memory", "features"]) {
      on(`.mic-${part}`, "change", change((box) => { this.state[part] = box.checked; }));
    }
    on(".mic-open", "click", change(() => { this.open = !this.open; this.probe = null; }));
    on(".mic-opened", "change", change((select) => { this.inside.step = +select.value; }));
    on(".mic-rank", "change", change((input) => { this.inside.rank = Math.round(+input.value) || 1; }));
    on(".mic-face", "change", change((select) => {
      const before = this.face;
      this.show(setup.faces[+select.value]);
      Object.assign(this.state, this.brought(this.state, before), { image: +select.value });
    }));
    on(".mic-point", "change", (event) => this.choose(+event.target.value));
    on(".mic-whole", "change", (event) => { this.whole = event.target.checked; this.layout(); });
    on(".mic-play", "click", () => this.play());
    on(".mic-hide", "click", change(() => { this.state.occluder = this.state.occluder ? null : this.firstOccluder(); }));
    on(".mic-reset", "click", change(() => this.begin()));
    on(".mic-blank", "click", () => this.edit("blank", +find(".mic-which").value, this.channels()));
    on(".mic-exchange", "click", () =>
      this.edit("exchange", +find(".mic-which").value, [+find(".mic-a").value, +find(".mic-b").value]));
    on(".mic-undo", "click", () => this.undo());
    [find(".mic-a").value, find(".mic-b").value] = [36, 45];
    this.el.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); this.undo(); }
      if (event.key === "Escape") { this.probe = null; this.choose(ALL); this.hint(); }
      event.stopPropagation(); // else the notebook takes arrow keys from radio buttons and lists
    });
    this.buildOverlay();
    this.handleImage();
    this.sync();
  }
  /** The box and the occluder: what can be dragged on the image. */
  buildOverlay() {
    const group = (label, part) => {
      const g = svg("g", { tabindex: 0, role: "application", "aria-label": label, "data-part": part }, this.over);
      for (const type of ["focus", "blur"]) g.addEventListener(type, () => this.hint(type === "focus" ? HELP[part] : ""));
      g.addEventListener("keydown", (event) => this.keyOnImage(event, part));
      return g;
    };
    this.hider = group("occluder: arrows move it, plus and minus change its size, Delete removes it", "occluder");
    this.hiderSquare = svg("rect", { class: "mic-occluder", "data-part": "occluder" }, this.hider);
    this.hiderGrip = svg("circle", { class: "mic-grip", "data-part": "size" }, this.hider);
    this.box = group("first box: arrows move it, plus and minus scale it, brackets turn it, 0 puts it back", "box");
    this.boxBack = svg("polygon", { class: "mic-back" }, this.box);
    this.boxFrame = svg("polygon", { class: "mic-frame", "data-part": "box" }, this.box);
    this.stem = svg("line", { class: "mic-frame" }, this.box);
    this.grips = range(4).map(() => svg("circle", { class: "mic-grip", "data-part": "corner" }, this.box));
    this.knob = svg("circle", { class: "mic-grip", "data-part": "turn" }, this.box);
  }
  /** Columns of the steps, or the panels inside one; again where their number changes. */
  buildSteps(shape) {
    const K = this.state.steps;
    this.el.classList.toggle("mic-in", this.open);
    if (this.open) this.buildInside();
    else this.buildLoop(K);
    for (const name of [".mic-which", ".mic-opened"]) {
      const which = this.find(name), before = which.value;
      which.innerHTML = range(K).map((k) => `<option>${k + 1}</option>`).join("");
      which.value = before && before <= K ? before : Math.min(2, K);
    }
    this.built = shape;
  }
  buildInside() {
    this.grid.innerHTML = "";
    this.arrows = null;
    this.panels = INSIDE.map(([kind, title]) => {
      const cell = this.grid.appendChild(document.createElement("div"));
      cell.innerHTML = `<div class="mic-head"><b>${title}</b><span></span></div>`;
      return this.buildPanel(kind, this.inside.step - 1, cell);
    });
    this.heads = [...this.grid.querySelectorAll(".mic-head span")];
  }
  buildLoop(K) {
    this.grid.innerHTML = `<span></span>${range(K).map((k) =>
      `<div class="mic-head"><b>step ${k + 1}</b><span></span></div>`).join("")}`;
    this.heads = [...this.grid.querySelectorAll(".mic-head span")];
    this.panels = [];
    const rows = [["crop", "crop", "and prediction"], ["z", "z", "given to the step"], ["maps", "response maps", ""]];
    for (const [kind, title, words] of rows) {
      this.grid.insertAdjacentHTML("beforeend", `<div class="mic-row mic-of-${kind}"><b>${title}</b><small>${words}</small></div>`);
      for (const k of range(K)) this.panels.push(this.buildPanel(kind, k, this.grid));
    }
    this.arrows = svg("svg", { "aria-hidden": "true" }, this.grid);
  }
  buildPanel(kind, k, parent) {
    const canvas = parent.appendChild(document.createElement("canvas")), panel = { kind, k, canvas };
    const moved = kind === "z" || kind === "maps", help = HELP[kind] ?? HELP.inside;
    put(canvas, { class: `mic-${kind}`, role: moved ? "application" : "img" });
    const at = (event) => {
      const r = canvas.getBoundingClientRect();
      return [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height]; // shares of the panel
    };
    const on = (events, act) => events.split(" ").forEach((event) => canvas.addEventListener(event, act));
    on("pointermove", (event) => {
      if (panel.stroke) this.stroke(panel, at(event));
      else this.pointAt(this.nearest(panel, at(event)), help);
    });
    on("pointerenter pointerleave", ({ type }) => this.sayParts(type === "pointerenter" ? k : this.K - 1));
    on("pointerleave", () => this.pointAt(null));
    on("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      if (!moved) return this.choose(this.nearest(panel, at(event)) ?? ALL);
      if (kind === "maps") return this.askCell(k, at(event).map((share) => Math.floor(share * this.cells)));
      panel.stroke = true;
      this.edit(this.brush, k + 1, this.channels());
      this.stroke(panel, at(event));
    });
    on("pointerup pointercancel", () => { panel.stroke = false; });
    canvas.tabIndex = moved ? 0 : -1; // keys reach the widget after a press
    if (!moved) return panel;
    on("focus blur", ({ type }) => {
      panel.keyed = type === "focus" && canvas.matches(":focus-visible");
      this.hint(type === "focus" ? help : "");
      this.draw();
    });
    on("keydown", (event) => this.keyOnPanel(event, panel));
    return panel;
  }
  /** Sizes of all panels from the width there is: the image beside the steps, or below them where that is narrow. */
  layout() {
    const { face, open } = this, K = this.state.steps, width = Math.floor(this.el.clientWidth - 4);
    const shape = open ? `inside step ${this.inside.step} of ${K}` : K, columns = open ? INSIDE.length / 2 : K, small = width < 880;
    if (this.built !== shape) this.buildSteps(shape);
    if (width <= 0) return;
    const label = open ? 0 : small ? 78 : 84, gap = open ? 12 : small ? 22 : K > 3 ? 30 : 44, least = small ? 214 : K > 3 ? 240 : 320;
    const across = width - label - (columns - 1) * gap, most = open ? 190 : 126; // of all panels of a row together
    let side = Math.floor(Math.min(most, (across - 20 - least) / columns)), high = 3 * Math.min(side, 126) + 42;
    let room = across - 20 - columns * side;
    const beside = side >= 84;
    if (!beside) [side, high, room] = [Math.floor(clamp(across / columns, 48, 76)), 250, Math.floor(0.42 * width)];
    this.el.classList.toggle("mic-narrow", !beside);
    const close = Math.min(high / 3.2, room / 2.3) / this.reachOf(face.box);
    this.scale = Math.max(Math.min(high / face.height, room / face.width), this.whole ? 0 : close);
    const [x0, y0, x1, y1] = this.firstBox(), wide = Math.min(room / this.scale, face.width);
    const tall = Math.min(high / this.scale, face.height);
    const left = clamp((x0 + x1 - wide) / 2, 0, face.width - wide), top = clamp((y0 + y1 - tall) / 2, 0, face.height - tall);
    const ratio = Math.max(window.devicePixelRatio || 1, 1);
    Object.assign(this, { side, gap, margin: label, shownPart: [left, top, wide, tall], ratio });
    const widths = range(columns).map((k) => side + (k < columns - 1 ? gap : 0));
    this.grid.style.gridTemplateColumns = (open ? widths : [label, ...widths]).map((w) => `${w}px`).join(" ");
    this.resize(this.image, this.scale * wide, this.scale * tall);
    this.panels.forEach(({ canvas }) => this.resize(canvas, side, side));
    this.over.setAttribute("viewBox", `${left - 0.5} ${top - 0.5} ${wide} ${tall}`);
    this.drawArrows();
    this.draw();
  }
  resize(canvas, width, height) {
    const [w, h] = [width, height].map((v) => Math.round(v * this.ratio));
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }

  // ---- state
  changed() {
    this.stop();
    this.inside.step = Math.min(this.inside.step, this.state.steps);
    this.inside.rank = clamp(this.inside.rank, 1, this.setup.channels[this.inside.pool]);
    this.layout();
    this.sync();
    this.ask();
  }
  /** The controls show the state. */
  sync() {
    const { state, find } = this, form = state.form;
    const groups = { steps: state.steps, brush: this.brush, pool: this.inside.pool };
    for (const [group, value] of Object.entries(groups)) find(`[name="${this.name}-${group}"][value="${value}"]`).checked = true;
    for (const part of ["recrop", "average"]) find(`.mic-${part}`).checked = form[part];
    for (const part of ["memory", "features"]) find(`.mic-${part}`).checked = state[part];
    find(".mic-opened").value = this.inside.step;
    Object.assign(find(".mic-rank"), { value: this.inside.rank, max: this.setup.channels[this.inside.pool] });
    find(".mic-open").setAttribute("aria-pressed", this.open);
    find(".mic-face").value = state.image;
    find(".mic-goal").textContent = this.face.labelled ? "label" : "undisturbed prediction";
    find(".mic-draw").value = form.draw;
    find(".mic-point").value = this.point;
    find(".mic-hide").setAttribute("aria-pressed", Boolean(state.occluder));
    find(".mic-undo").disabled = !state.edits.length;
  }
  /** Ask for the loop of the state; while an answer is awaited only the latest state waits. */
  async ask() {
    if (this.busy) { this.waiting = true; return; }
    this.busy = true;
    do {
      this.waiting = false;
      const { probe, point } = this, state = structuredClone(this.state), inside = this.open ? { ...this.inside, point } : null;
      const taken = (answer) => state.image === this.state.image && this.take(answer);
      await this.backend.run({ state, probe, inside }).then(taken).catch((error) => this.fail(error));
    } while (this.waiting);
    this.busy = false;
  }
  /** The still picture in place of the panels, where nothing answers. */
  standIn() { this.el.classList.toggle("mic-alone", !this.answer); }
  fail(error) {
    this.standIn();
    this.find(".mic-status").innerHTML = "<span class='mic-verdict mic-bad'>!</span>";
    this.find(".mic-status").append(error.message);
  }
  /** An answer: pictures of its arrays, ready to be drawn in any size. */
  take(answer) {
    const { arrays } = answer, [K, S] = arrays.crops.shape, [, channels, cells] = arrays.z.shape;
    Object.assign(this, { answer, K, S, channelCount: channels, zCells: cells, cells: arrays.maps.shape[2] });
    this.matrices = range(K).map((k) => [...arrays.matrices.subarray(6 * k, 6 * k + 6)]);
    this.inverses = this.matrices.map(inverse);
    this.points = range(K).map((k) => pairs(arrays.points.subarray(136 * k, 136 * (k + 1))));
    this.crops = range(K).map((k) => this.photo(arrays.crops.subarray(3 * S * S * k, 3 * S * S * (k + 1)), S));
    for (const [kind, n] of [["z", this.zCells], ["maps", this.cells]]) this.cursor[kind] ??= [n >> 1, n >> 1];
    this.standIn();
    this.layout();
    this.say();
    this.hint();
    this.answered = 1 + (this.answered ?? 0);
  }
  photo(bytes, size) {
    const data = new ImageData(size, size);
    for (let i = 0, j = 0; i < bytes.length; j++) data.data[j] = j % 4 === 3 ? 255 : bytes[i++];
    return this.canvasOf(data);
  }
  /** Numbers 0 to 255 as a picture in the map's colours; glow: the smaller, the more transparent. */
  mapPicture(values, size, glow) {
    const data = new ImageData(size, size), out = data.data;
    values.forEach((value, i) => {
      out.set(this.colours.subarray(3 * value, 3 * value + 3), 4 * i);
      out[4 * i + 3] = glow ? 230 * Math.sqrt(value / 255) : 255;
    });
    return this.canvasOf(data);
  }
  /** The place that each window remembers, in its colour. */
  placePicture(places) {
    const data = new ImageData(places.shape[1], places.shape[0]);
    places.forEach((place, i) => data.data.set([...this.setup.places[place], 255], 4 * i));
    return this.canvasOf(data);
  }
  canvasOf(data) {
    const canvas = Object.assign(document.createElement("canvas"), { width: data.width, height: data.height });
    canvas.getContext("2d").putImageData(data, 0, 0);
    return canvas;
  }
  /** The map of one channel of step k, or the largest of all at every cell. */
  channel(array, k, point) {
    const [, channels, h, w] = array.shape, n = h * w, start = k * channels * n;
    if (point !== ALL && channels > 1) return array.subarray(start + point * n, start + (point + 1) * n);
    const out = new Uint8Array(n);
    for (let i = 0; i < channels * n; i++) out[i % n] = Math.max(out[i % n], array[start + i]);
    return out;
  }
  channels() { return this.point === ALL || this.channelCount === 1 ? [] : [this.point]; }
  edit(kind, step, channels, at = []) { this.state.edits.push({ kind, step, channels, at }); this.changed(); }
  undo() { if (this.state.edits.pop()) this.changed(); }
  /** The brush in the panel of z, at a share of it. */
  stroke({ k }, share) {
    const at = share.map((s) => +(s * this.zCells - 0.5).toFixed(2)), last = this.state.edits.at(-1), before = last.at.at(-1);
    if (before && Math.hypot(at[0] - before[0], at[1] - before[1]) < 0.6) return;
    if (last.step !== k + 1 || last.at.length > 400) return;
    last.at.push(at);
    this.changed();
  }
  /** A point is under the pointer, or none. */
  pointAt(near, help) { if (near !== this.hover) { this.hover = near; this.draw(); this.hint(help); } }
  choose(point) {
    this.point = point;
    this.sync();
    this.say();
    this.draw();
    if (this.open) this.ask();
  }
  askCell(k, [x, y]) {
    const cell = (value) => clamp(value, 0, this.cells - 1);
    this.probe = { step: k + 1, point: this.point, x: cell(x), y: cell(y) };
    this.cursor.maps = [this.probe.x, this.probe.y];
    this.hover = null;
    this.ask();
  }

  // ---- words
  say() {
    const { answer, point, find } = this, status = find(".mic-status");
    if (!answer) return;
    const k = this.K - 1, { errors, confidence } = answer.arrays, at = 68 * k + point;
    const p = this.points[k][point], pixels = point === ALL || Math.hypot(...p.map((v, i) => v - this.face.goal[point][i]));
    const about = point === ALL ? "" : ` · ${point}: ${this.setup.names[point]}: at (${p.map((v) => v.toFixed(1)).join(", ")}), ` +
      `error ${percent(errors[at])} = ${pixels.toFixed(1)} px, confidence ${confidence[at].toFixed(2)}`;
    status.innerHTML = `<span class="mic-verdict ${answer.home ? "mic-good" : "mic-bad"}">${answer.home ? "✓ home" : "✗ not home"}</span>`;
    status.append(answer.line.replaceAll("%", " %") + about);
    find(".mic-ms").textContent = `all steps in ${Math.round(answer.ms)} ms`;
    this.sayParts(k);
    this.image.setAttribute("aria-label", `The image with the first box, the crops of ${this.K} steps and the points. ${answer.line}`);
    if (this.open) return this.sayInside();
    find(".mic-of-maps small").textContent = point === ALL ? "maximum over all points" : `of point ${point}`;
    find(".mic-of-z small").textContent = point === ALL || this.channelCount === 1 ? "given to the step" : `channel ${point}`;
    this.heads.slice(0, this.K).forEach((head, step) => { head.textContent = percent(this.mean(errors, step)); });
    for (const { kind, k: step, canvas } of this.panels) {
      const which = point === ALL ? "all points" : `point ${point}, ${this.setup.names[point]}`;
      const words = { crop: "crop with the points", z: `z given to it, ${this.zWord(step) || "as drawn"}`, maps: "response maps" }[kind];
      canvas.setAttribute("aria-label", `step ${step + 1}: ${words}, ${which}. ${kind === "crop" ? "" : HELP[kind]}`);
    }
  }
  /** Error and confidence of each part of the face after a step, with a bar for the error. */
  sayParts(k) {
    if (!this.answer || k >= this.K) return;
    const { errors, confidence } = this.answer.arrays;
    const of = (values, part) => part.reduce((sum, i) => sum + values[68 * k + i], 0) / part.length;
    const rows = Object.entries(this.setup.parts).map(([name, part]) => [name, of(errors, part), of(confidence, part)]);
    const most = Math.max(...rows.map(([, error]) => error), 1e-6);
    this.find(".mic-parts").innerHTML = `<b>step ${k + 1} <small>error · confidence</small></b>` + rows.map(([name, error, sure]) =>
      `<span style="--share: ${100 * error / most}%">${name} <small>${percent(error)} · ${sure.toFixed(2)}</small></span>`).join("");
  }
  sayInside() {
    const { answer, inside, point, state } = this, of = point === ALL ? "all points" : `point ${point}`;
    const size = (kind) => answer.arrays[kind] ? `${answer.arrays[kind].shape[1]}x${answer.arrays[kind].shape[0]}` : "";
    const [a, b, c, d] = this.setup.places.map((colour) => `rgb(${colour})`); // of a window, line by line
    const key = `<i class="mic-window" style="background: conic-gradient(${b} 25%, ${d} 0 50%, ${c} 0 75%, ${a} 0)"></i> grey: none`;
    const notes = { crop: `of step ${inside.step}`, before: `stage ${inside.pool}, ${size("before")}`, pooled: `maxima, ${size("pooled")}`,
      places: key, held: size("held"), back: state.memory ? "where it was" : "upper left", detection: of, maps: of };
    this.panels.forEach(({ kind, canvas }, i) => {
      this.heads[i].innerHTML = notes[kind];
      canvas.setAttribute("aria-label", `${INSIDE[i][1]}, ${this.heads[i].textContent}. ${kind === "maps" ? HELP.maps : ""}`);
    });
  }
  mean(errors, k) { return errors.subarray(68 * k, 68 * k + 68).reduce((a, b) => a + b) / 68; }
  zWord(k) {
    if (this.state.edits.some(({ step }) => step === k + 1)) return "edited";
    return k === 0 || this.state.form.draw === "nothing" ? "blank" : "";
  }
  /** The line below: help for what is in hand, the point under the pointer, or what the cell of a map looks at. */
  hint(words = "") {
    const line = this.find(".mic-hint"), arrays = this.answer?.arrays;
    if (this.hover !== null) line.textContent = `${this.hover}: ${this.setup.names[this.hover]}`;
    else if (this.probe && arrays?.saliency) this.tellProbe(line, arrays);
    else line.textContent = words || (this.open && this.answer?.opened) || REST;
  }
  tellProbe(line, { chosen, pools, own, stages }) {
    const { step, x, y } = this.probe, [i] = chosen, P = pools.shape[0];
    line.innerHTML = "";
    const grids = svg("svg", { viewBox: `0 0 ${P * 78} 32`, width: P * 78, role: "img" }, line), told = [];
    for (const p of range(P)) {
      range(4).forEach((place) => {
        const share = pools[4 * p + place], mine = place === own[p];
        svg("rect", { x: 78 * p + 1 + 15 * (place % 2), y: 1 + 15 * (place >> 1), width: 14, height: 14, "fill-opacity": share,
          fill: CHOSEN, style: mine ? "stroke: var(--ink); stroke-width: 2" : "" }, grids);
      });
      const words = [`pool ${stages[p]}`, percent(pools[4 * p + own[p]])];
      words.forEach((word, i) => { svg("text", { x: 78 * p + 35, y: 13 + 13 * i }, grids).textContent = word; });
      told.push(words.join(" "));
    }
    put(grids, { "aria-label": told.join(", ") });
    line.append(`Cell (${x}, ${y}) of step ${step}, map of ${i}: ${this.setup.names[i]}. The glow in its crop is what the cell looks at ` +
      "(its gradient). Squares: where the pools' indices put the decoder's values in the 2x2 window over the cell; framed: the cell's own place.");
  }

  // ---- drawing
  draw() {
    this.drawOverlay();
    this.drawImage();
    for (const panel of this.panels ?? []) if (panel.k < (this.K ?? 0)) this.drawPanel(panel);
  }
  get lit() { return this.hover ?? (this.point === ALL ? null : this.point); }
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
  /** Points (68, 2), a hollow one where the network is unsure; at: from pixels of the image to those of the canvas. */
  drawPoints(context, points, at, { radius, goal = true, strokes = true, k = null }) {
    const { setup, lit, point } = this, places = points.map(at), goals = this.face.goal.map(at), all = point === ALL;
    const shown = all ? range(68) : [point], sure = this.answer.arrays.confidence;
    context.globalAlpha = all ? 0.55 : 0.35;
    for (const [indices, closed] of strokes ? setup.lines : []) this.trace(context, indices.map((i) => places[i]), POINT, 1, closed);
    context.globalAlpha = 1;
    for (const i of goal ? shown : []) this.trace(context, [places[i], goals[i]], ERROR, all ? 1 : 2);
    for (const i of goal ? shown : []) this.circle(context, goals[i], 0.8 * radius, GOAL);
    for (const i of range(68)) {
      if (!shown.includes(i)) this.circle(context, places[i], 0.6 * radius, POINT, "transparent");
      else if (k !== null && sure[68 * k + i] < 0.5) this.circle(context, places[i], radius + 0.6, "transparent", POINT, 1);
      else this.circle(context, places[i], radius, POINT);
    }
    if (lit === null) return;
    this.circle(context, places[lit], radius + 1.6, CHOSEN);
    this.circle(context, places[lit], radius + 5, "transparent", CHOSEN, 1.6);
  }
  drawPanel({ kind, k, canvas, keyed }) {
    const context = canvas.getContext("2d"), n = canvas.width, { S, lit } = this, { arrays } = this.answer;
    const back = this.inverses[k], toPanel = (p) => forward(back, p).map((v) => (v + 0.5) * n / S), shown = lit ?? ALL;
    const lay = (picture) => context.drawImage(picture, 0, 0, n, n);
    const single = (place, radius) => this.circle(context, place, radius, "transparent", "rgba(255, 255, 255, .8)", 1);
    if (kind === "crop") {
      lay(this.crops[k]);
      if (this.probe?.step === k + 1 && arrays.saliency) lay(this.mapPicture(arrays.saliency, S, true));
      this.drawPoints(context, this.points[k], toPanel, { radius: 1.9, strokes: false, k });
    } else if (kind === "z") {
      lay(this.mapPicture(this.channel(arrays.z, k, shown), this.zCells, false));
      if (lit !== null && k) single(toPanel(this.points[k - 1][lit]), 12);
      Object.assign(context, { font: `${11 * this.ratio}px sans-serif`, fillStyle: "#fff" });
      context.fillText(this.zWord(k), 6 * this.ratio, 15 * this.ratio);
      canvas.classList.toggle("mic-edited", this.zWord(k) === "edited");
    } else if (!arrays[kind]) {
      return; // the answer that has it is on its way
    } else if (kind === "maps" || kind === "detection") {
      lay(this.crops[k]);
      this.wash(context, "saturation", "#000");
      this.wash(context, "source-over", "rgba(0, 0, 0, .45)");
      if (kind === "detection") return lay(this.mapPicture(arrays.detection, arrays.detection.shape[0], true));
      lay(this.mapPicture(this.channel(arrays.maps, k, shown), this.cells, true));
      if (lit !== null) single(toPanel(this.points[k][lit]), 12);
      if (this.probe?.step === k + 1) this.cell(context, [this.probe.x, this.probe.y], n / this.cells, CHOSEN);
    } else {
      context.imageSmoothingEnabled = false;
      lay(kind === "places" ? this.placePicture(arrays.places) : this.mapPicture(arrays[kind], arrays[kind].shape[0], false));
    }
    if (keyed && kind === "z") single(this.cursor.z.map((v) => (v + 0.5) * n / this.zCells), 9);
    if (keyed && kind === "maps") this.cell(context, this.cursor.maps, n / this.cells, "#fff");
  }
  wash(context, how, colour) {
    Object.assign(context, { globalCompositeOperation: how, fillStyle: colour });
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }
  cell(context, [x, y], size, colour) {
    Object.assign(context, { strokeStyle: colour, lineWidth: 2 * this.ratio }).strokeRect(x * size, y * size, size, size);
  }
  drawImage() {
    if (!this.picture || !this.scale) return;
    const context = this.image.getContext("2d"), n = this.scale * this.ratio, { answer } = this;
    const [left, top, wide, tall] = this.shownPart, shrink = this.picture.width / this.face.width;
    const at = ([x, y]) => [(x + 0.5 - left) * n, (y + 0.5 - top) * n];
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, ...[left, top, wide, tall].map((v) => v * shrink), 0, 0, this.image.width, this.image.height);
    if (!answer) return;
    const [x, y, side] = this.state.occluder ?? [0, 0, 0];
    context.fillStyle = "rgb(90, 96, 104)";
    context.fillRect(...at([x - side / 2 - 0.5, y - side / 2 - 0.5]), side * n, side * n);
    const K = this.K, t = this.t ?? K, whole = clamp(Math.floor(t), 0, K);
    this.matrices.forEach((matrix, k) => {
      if (k < t) this.outline(context, matrix, at, k === Math.min(whole, K - 1) ? 1 : 0.3 + 0.35 * k / K);
    });
    for (const i of this.lit === null ? range(68) : [this.lit]) for (let k = 1; k < Math.min(K, t + 1); k++) {
      const from = this.points[k - 1][i], to = this.points[k][i], colour = `rgba(255, 255, 255, ${0.25 + 0.5 * k / K})`;
      const way = [at(from), at(k < t ? to : mix(from, to, ease(t - k + 1)))];
      this.trace(context, way, this.lit === null ? colour : CHOSEN, this.lit === null ? 0.8 : 2);
    }
    let points = this.points[K - 1];
    if (this.t !== null && t < K) {
      const from = whole ? this.points[whole - 1] : this.shapeInBox(), share = ease(t - whole);
      points = from.map((p, i) => mix(p, this.points[whole][i], share));
      const old = whole ? this.matrices[whole - 1] : this.boxMatrix();
      this.outline(context, mix(old, this.matrices[whole], share), at, 1);
    }
    this.drawPoints(context, points, at, { radius: 2.3, goal: this.t === null, k: this.t === null ? K - 1 : null });
    this.find(".mic-image").dataset.name = this.lit === null ? "" : `${this.lit}: ${this.setup.names[this.lit]}`;
  }
  outline(context, matrix, at, strength) {
    const a = -0.5, b = this.S - 0.5, corners = [[a, a], [b, a], [b, b], [a, b]].map((corner) => at(forward(matrix, corner)));
    context.globalAlpha = strength;
    this.trace(context, corners, CROP, 1.5, true);
    context.globalAlpha = 1;
  }
  /** Box and occluder follow the state at once, before the answer comes. */
  drawOverlay() {
    if (!this.scale) return;
    const r = 6 / this.scale, { box, turn, occluder } = this.state, [x0, y0, x1, y1] = box;
    const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map((p) => this.turned(p));
    const points = corners.map((p) => p.join()).join(" ");
    for (const shape of [this.boxFrame, this.boxBack]) put(shape, { points });
    const place = (circle, [cx, cy]) => put(circle, { cx, cy, r });
    this.grips.forEach((grip, i) => place(grip, corners[i]));
    const top = this.turned([(x0 + x1) / 2, y0]), knob = this.turned([(x0 + x1) / 2, y0 - 20 / this.scale]);
    place(this.knob, knob);
    put(this.stem, { x1: top[0], y1: top[1], x2: knob[0], y2: knob[1] });
    this.box.setAttribute("aria-description", `from ${box.map(Math.round).join(", ")} pixels, turned ${turn} degrees`);
    const [x, y, side] = occluder ?? [0, 0, 0];
    this.hider.style.display = occluder ? "" : "none";
    put(this.hiderSquare, { x: x - side / 2, y: y - side / 2, width: side, height: side });
    place(this.hiderGrip, [x + side / 2, y + side / 2]);
  }
  /** What goes on from a step to the next, drawn between their panels. */
  drawArrows() {
    const { side, gap, margin, state } = this, K = state.steps, head = 18 + 6;
    if (!this.arrows) return;
    this.arrows.innerHTML = "<defs>" +
      `<marker id='${this.name}-tip' viewBox='0 0 8 8' refX='6' refY='4' markerWidth='6' markerHeight='6' orient='auto'>` +
      "<path d='M1 1 L6 4 L1 7' style='stroke: context-stroke; fill: none'/></marker></defs>";
    const y = (row) => head + row * (side + 12) + side / 2, path = (d, off, mark) =>
      svg("path", { d, class: `${off ? "mic-off" : ""} ${mark ? "mic-mark" : ""}`, "marker-end": `url(#${this.name}-tip)` }, this.arrows);
    for (const k of range(K - 1)) {
      const x = margin + (k + 1) * side + k * gap + 3, end = x + gap - 7, middle = (x + end) / 2;
      path(`M${x} ${y(0)} H${end}`, !state.form.recrop);
      path(`M${x} ${y(2)} C${middle + 6} ${y(2)} ${middle - 6} ${y(1)} ${end} ${y(1)}`, state.form.draw === "nothing", this.zWord(k + 1) === "edited");
    }
  }

  // ---- hands
  get centre() { const [x0, y0, x1, y1] = this.state.box; return [(x0 + x1) / 2, (y0 + y1) / 2]; }
  get reach() { return this.reachOf(this.state.box); }
  reachOf([x0, y0, x1, y1]) { return Math.max(x1 - x0, y1 - y0); }
  /** A point of the upright box, turned with it. */
  turned([x, y]) {
    const [cx, cy] = this.centre, angle = this.state.turn * Math.PI / 180, c = Math.cos(angle), s = Math.sin(angle);
    return [cx + c * (x - cx) - s * (y - cy), cy + s * (x - cx) + c * (y - cy)];
  }
  /** Crop pixels to pixels of the image for a crop as large as the first box. */
  boxMatrix() {
    const [x, y] = this.centre, scale = this.reach / (this.S - 1), angle = this.state.turn * Math.PI / 180;
    const c = scale * Math.cos(angle), s = scale * Math.sin(angle), half = (this.S - 1) / 2;
    return [c, -s, x - (c - s) * half, s, c, y - (s + c) * half];
  }
  shapeInBox() {
    const matrix = this.boxMatrix(), half = (this.S - 1) / 2;
    return this.setup.shape.map((p) => forward(matrix, p.map((v) => (v + 1) * half)));
  }
  firstOccluder() {
    const [x0, y0, x1, y1] = this.face.box, [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    return [x, y + 0.25 * this.reach, 0.5 * this.reach];
  }
  /** Box and occluder of a state for another face, brought to this one: as far from its box, in widths of it. */
  brought({ box, occluder }, face) {
    const middle = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2], to = this.face.box;
    const [a, b] = [middle(face.box), middle(to)], by = this.reachOf(to) / this.reachOf(face.box);
    const at = ([x, y]) => [b[0] + by * (x - a[0]), b[1] + by * (y - a[1])], [x, y] = at(middle(box));
    const grown = this.reachOf(box) / this.reachOf(face.box) / 2, [w, h] = [grown * (to[2] - to[0]), grown * (to[3] - to[1])];
    return { box: [x - w, y - h, x + w, y + h], occluder: occluder && [...at(occluder), by * occluder[2]] };
  }
  moveBox(dx, dy) {
    const [x, y] = this.centre, { width, height } = this.face;
    const by = [clamp(x + dx, 0, width - 1) - x, clamp(y + dy, 0, height - 1) - y];
    this.state.box = this.state.box.map((v, i) => v + by[i % 2]);
  }
  scaleBox(factor) {
    const least = 12 / this.reach, most = 1.5 * Math.max(this.face.width, this.face.height) / this.reach;
    const middle = this.centre, by = clamp(factor, least, most);
    this.state.box = this.state.box.map((v, i) => middle[i % 2] + by * (v - middle[i % 2]));
  }
  /** The box with which this face begins. */
  firstBox() {
    const { state, faces } = this.setup;
    return this.brought(state, faces[state.image]).box;
  }
  turnBox(degrees) { this.state.turn = Math.round((degrees + 540) % 360) - 180; }
  moveOccluder(dx, dy) {
    const [x, y, side] = this.state.occluder, { width, height } = this.face;
    this.state.occluder = [clamp(x + dx, 0, width), clamp(y + dy, 0, height), side];
  }
  sizeOccluder(side) { this.state.occluder[2] = clamp(side, 4, Math.max(this.face.width, this.face.height)); }
  /** The nearest point within 12 px of a place in a panel (shares of it), else null. */
  nearest({ kind, k, canvas }, share) {
    if (!this.answer || k >= this.K || (kind === "z" && !k)) return null;
    const points = this.points[kind === "z" ? k - 1 : k], size = canvas.clientWidth, back = this.inverses[k];
    return this.closest(points.map((p) => forward(back, p).map((v, i) => ((v + 0.5) / this.S - share[i]) * size)), 9);
  }
  closest(offsets, limit) {
    const far = offsets.map(([x, y]) => Math.hypot(x, y)), least = Math.min(...far);
    return least <= limit ? far.indexOf(least) : null;
  }
  handleImage() {
    const at = (event) => {
      const r = this.over.getBoundingClientRect(), [left, top] = this.shownPart;
      return [(event.clientX - r.left) / this.scale - 0.5 + left, (event.clientY - r.top) / this.scale - 0.5 + top];
    };
    const point = (p) => this.answer && this.closest(this.points[this.K - 1].map(([x, y]) => [x - p[0], y - p[1]].map((v) => v * this.scale)), 10);
    let drag = null;
    this.over.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.over.setPointerCapture(event.pointerId);
      drag = { part: event.target.dataset.part, from: at(event), last: at(event), moved: false };
      (drag.part === "occluder" || drag.part === "size" ? this.hider : drag.part ? this.box : null)?.focus({ preventScroll: true });
      event.preventDefault();
    });
    this.over.addEventListener("pointermove", (event) => {
      const now = at(event);
      if (!drag) return this.pointAt(point(now), HELP.box);
      drag.moved ||= Math.hypot(now[0] - drag.from[0], now[1] - drag.from[1]) * this.scale > 3;
      if (!drag.moved || !drag.part) return;
      this.dragTo(drag, now);
      drag.last = now;
      this.changed();
    });
    const end = (event) => {
      if (drag && !drag.moved && event.type === "pointerup") this.choose(point(at(event)) ?? ALL);
      drag = null;
    };
    for (const type of ["pointerup", "pointercancel"]) this.over.addEventListener(type, end);
    this.over.addEventListener("pointerleave", () => this.pointAt(null));
  }
  dragTo({ part, last }, now) {
    const [x, y] = this.centre, far = (p) => Math.hypot(p[0] - x, p[1] - y), step = [now[0] - last[0], now[1] - last[1]];
    if (part === "box") this.moveBox(...step);
    else if (part === "corner") this.scaleBox(far(now) / Math.max(far(last), 1e-6));
    else if (part === "turn") this.turnBox(Math.atan2(now[0] - x, y - now[1]) * 180 / Math.PI);
    else if (part === "occluder") this.moveOccluder(...step);
    else this.sizeOccluder(2 * Math.max(now[0] - this.state.occluder[0], now[1] - this.state.occluder[1]));
  }
  arrow({ key, shiftKey }, small, large) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    return way?.map((v) => v * (shiftKey ? large : small));
  }
  keyOnImage(event, part) {
    const { key } = event, step = this.arrow(event, 0.02 * this.reach, 0.1 * this.reach), box = part === "box";
    const grow = { "+": 1.05, "=": 1.05, "-": 1 / 1.05, "−": 1 / 1.05 }[key], turn = { "[": -5, "]": 5 }[key];
    if (step) box ? this.moveBox(...step) : this.moveOccluder(...step);
    else if (grow) box ? this.scaleBox(grow) : this.sizeOccluder(grow * this.state.occluder[2]);
    else if (turn && box) this.turnBox(this.state.turn + turn);
    else if (key === "0" && box) Object.assign(this.state, { box: this.firstBox(), turn: this.setup.state.turn });
    else if ((key === "Delete" || key === "Backspace") && !box) { this.state.occluder = null; this.find(".mic-hide").focus(); }
    else return;
    event.preventDefault();
    this.changed();
  }
  keyOnPanel(event, { kind, k }) {
    const step = this.arrow(event, 1, 5), n = kind === "z" ? this.zCells : this.cells;
    if (step) this.cursor[kind] = this.cursor[kind].map((v, i) => clamp(v + step[i], 0, n - 1));
    else if (kind === "z" && event.key === " ") this.edit(this.brush, k + 1, this.channels(), [[...this.cursor.z]]);
    else if (kind === "maps" && (event.key === "Enter" || event.key === " ")) this.askCell(k, this.cursor.maps);
    else return;
    event.preventDefault();
    this.draw();
  }
  play() {
    if (this.t !== null || !this.answer) return this.stop();
    const began = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches, { K } = this;
    this.find(".mic-play").textContent = "■ Stop";
    const tick = (now) => {
      const t = (now - began) / 900;
      if (t >= K + 0.15) return this.stop();
      this.t = Math.min(still ? Math.floor(t) + 1 : t, K);
      for (const { canvas, k } of this.panels) canvas.classList.toggle("mic-wait", k > this.t);
      this.drawImage();
      this.frame = still ? 0 : requestAnimationFrame(tick);
      if (still) this.timer = setTimeout(() => tick(performance.now()), 300);
    };
    this.t = 0;
    tick(began);
  }
  halt() { cancelAnimationFrame(this.frame); clearTimeout(this.timer); }
  stop() {
    this.halt();
    if (this.t === null) return;
    this.t = null;
    this.find(".mic-play").textContent = "▶ Play";
    this.panels.forEach(({ canvas }) => canvas.classList.remove("mic-wait"));
    this.draw();
  }
}

export default {
  render({ model, el }) {
    const setup = { ...model.get("setup") };
    setup.still = new Blob([setup.still]);
    setup.faces = setup.faces.map((face) => ({ ...face, image: new Blob([face.image]), goal: pairs(unpack(face.goal)) }));
    const root = el.appendChild(document.createElement("div"));
    root.microscope = new Microscope(root, setup, new KernelBackend(model));
    return () => root.microscope.close();
  },
};
