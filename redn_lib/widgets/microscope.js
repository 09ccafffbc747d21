// The page of the loop microscope; page.js stands before it. Its request is {state, probe, inside}; what these and the answer hold is
// described in microscope.py.

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
const ease = (t) => t * t * (3 - 2 * t), mix = (a, b, t) => a.map((value, i) => value + t * (b[i] - value));

export class Microscope extends Page {
  /** Everything as the setup says. */
  begin() {
    const { setup } = this, { point = ALL, ...inside } = setup.inside ?? {};
    Object.assign(this, { point, probe: null, t: null, brush: "paint", which: 2, cursor: {}, whole: false, exchanged: [36, 45] });
    Object.assign(this, { open: Boolean(setup.inside), state: structuredClone(setup.state) });
    this.inside = { step: 1, pool: +Object.keys(setup.channels)[0], rank: 1, ...inside };
    this.show();
  }
  /** The face whose loop is asked for next. */
  show() {
    const face = this.setup.faces[this.state.image];
    if (face === this.face) return;
    Object.assign(this, { face, picture: null, answer: null, K: 0, probe: null });
    this.goal = pairs(unpack(face.goal));
    createImageBitmap(new Blob([face.image])).then((picture) => {
      if (face === this.face) { this.picture = picture; this.layout(); }
    });
  }

  // ---- the page
  build() {
    const { setup } = this, places = range(setup.names.length).map((n) => [n, n]);
    const counted = (n) => range(n).map((k) => [k + 1, k + 1]), pools = Object.keys(setup.channels).map((pool) => [pool, pool]);
    const channel = (i, words) => choose(`exchanged.${i}`, places, "", "", `data-then="sync" aria-label="${words}" class="mic-channel"`);
    this.shell(`
      <button class="mic-play" title="Run the steps as one movement, coarse to fine">▶ Play</button>
      ${choice("state.steps", counted(setup.most_steps), "steps")}
      ${choose("state.form.draw", Object.entries(setup.draws), "feedback", "What a step hands on to the next as z")}
      ${tick("state.form.recrop", "recrop", "Take the crop again around the last points")}
      ${tick("state.form.average", "average", "Average the steps' predictions")}
      ${choosePoint(setup.names)}
      <button class="mic-open" aria-pressed="false" title="One step from the inside: a pool, the decoder, the maps">inside</button>
      <i class="mic-break"></i>
      <span class="mic-of-inside">${choose("inside.step", [], "step", "", 'class="mic-opened"')}
      ${choice("inside.pool", pools, "pool")}
      ${number("inside.rank", 1, 1, "rank", "1: the channel in which the decoder's largest value is", 'class="mic-rank"')}
      ${tick("state.memory", "pools remember", "Values go back where they were, else upper left in their window")}
      ${tick("state.features", "f_REG sees features", "f_REG gets the encoder's features, else zeros")}</span>
      <span class="mic-of-loop">${choice("brush", [["paint", "paint"], ["erase", "erase"]], "in z")}
      ${choose("which", [], "of step", "", 'data-then="sync" class="mic-which"')}
      <button class="mic-blank" title="Empty this z: the channel of the chosen point, or all">blank</button>
      <span class="mic-pair"><button class="mic-exchange" title="Exchange these two channels of z">exchange</button>
        ${channel(0, "one channel")}${channel(1, "other channel")}</span>
      <button class="mic-undo" title="Take the last change of z back">undo</button></span>
      <span class="mic-last" ${setup.faces.length > 1 ? "" : "hidden"}>
        ${choose("state.image", setup.faces.map(({ name }, i) => [i, name]), "", "", 'aria-label="image" data-then="otherFace" class="mic-face"')}</span>
      ${tick("whole", "whole", "The whole image instead of the face")}
      <button class="mic-hide" aria-pressed="false" title="A grey square over the image">occluder</button>
      <button class="mic-reset" title="Everything back to where it began">start again</button>`,
      `<div class="mic-image" data-name=""><canvas role="img"></canvas><svg></svg></div><div class="mic-steps"></div>`,
      `<div class="mic-key">${key([[POINT, "prediction"], [GOAL, "<span class='mic-goal'></span>"], [ERROR, "error"]])}
        <span><i class="mic-square" style="color:#cc79a7"></i>first box</span>
        <span><i class="mic-square" style="color:${CROP}"></i>crops</span><span class="mic-ms"></span></div>
      <div class="mic-parts"></div>`);
    this.hint();
    Object.assign(this, { image: this.find(".mic-image canvas"), over: this.find(".mic-image svg"), grid: this.find(".mic-steps") });
    const press = (selector, act) => this.on(selector, "click", () => { act(); this.changed(); });
    press(".mic-open", () => { this.open = !this.open; this.probe = null; });
    press(".mic-hide", () => { this.state.occluder = this.state.occluder ? null : this.firstOccluder(); });
    this.on(".mic-blank", "click", () => this.edit("blank", this.which, this.channels()));
    this.on(".mic-exchange", "click", () => this.edit("exchange", this.which, [...this.exchanged]));
    this.on(".mic-undo", "click", () => this.undo());
    this.buildOverlay();
    this.handleImage();
  }
  key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); this.undo(); }
    if (event.key === "Escape") { this.probe = null; this.choose(ALL); this.hint(); }
  }
  /** The box and the occluder: what can be dragged on the image. */
  buildOverlay() {
    const group = (label, part) => {
      const g = svg("g", { tabindex: 0, role: "application", "aria-label": label, "data-part": part }, this.over);
      this.help(g, HELP[part]);
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
    for (const name of [".mic-which", ".mic-opened"]) this.find(name).innerHTML = options(range(K).map((k) => [k + 1, k + 1]));
    this.built = shape;
    this.sync();
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
    const at = (event) => shares(event, canvas), on = (events, act) => listen(canvas, events, act);
    hands(canvas, {
      over: (event) => this.pointAt(this.nearest(panel, at(event)), help),
      hold: (event) => {
        if (kind === "maps") this.askCell(k, at(event).map((share) => Math.floor(share * this.cells)));
        else if (kind !== "z") this.choose(this.nearest(panel, at(event)) ?? ALL);
        if (kind !== "z") return false;
        this.edit(this.brush, k + 1, this.channels());
        this.stroke(panel, at(event));
      },
      drag: (event) => this.stroke(panel, at(event)),
      leave: () => this.pointAt(null),
    });
    on("pointerenter pointerleave", ({ type }) => this.sayParts(type === "pointerenter" ? k : this.K - 1));
    canvas.tabIndex = moved ? 0 : -1; // keys reach the widget after a press
    if (!moved) return panel;
    this.help(canvas, help);
    on("focus blur", ({ type }) => {
      panel.keyed = type === "focus" && canvas.matches(":focus-visible");
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
    Object.assign(this, { side, gap, margin: label, shownPart: [left, top, wide, tall] });
    const widths = range(columns).map((k) => side + (k < columns - 1 ? gap : 0));
    this.grid.style.gridTemplateColumns = (open ? widths : [label, ...widths]).map((w) => `${w}px`).join(" ");
    this.resize(this.image, this.scale * wide, this.scale * tall);
    this.panels.forEach(({ canvas }) => this.resize(canvas, side, side));
    this.over.setAttribute("viewBox", `${left - 0.5} ${top - 0.5} ${wide} ${tall}`);
    this.drawArrows();
    this.draw();
  }
  // ---- state
  changed(name) {
    if (name === "steps") this.probe = null;
    this.inside.step = Math.min(this.inside.step, this.state.steps);
    this.which = Math.min(this.which, this.state.steps);
    this.inside.rank = clamp(this.inside.rank, 1, this.setup.channels[this.inside.pool]);
    super.changed();
  }
  otherFace() {
    const before = this.face;
    this.show();
    Object.assign(this.state, this.brought(this.state, before));
    this.changed();
  }
  /** The controls show the state. */
  sync() {
    super.sync();
    const { state } = this;
    this.find(".mic-rank").max = this.setup.channels[this.inside.pool];
    for (const [name, on] of [[".mic-open", this.open], [".mic-hide", Boolean(state.occluder)]]) this.find(name).setAttribute("aria-pressed", on);
    this.find(".mic-goal").textContent = this.face.labelled ? "label" : "undisturbed prediction";
    this.find(".mic-undo").disabled = !state.edits.length;
  }
  request() {
    const { state, probe, point } = this;
    return { state, probe, inside: this.open ? { ...this.inside, point } : null };
  }
  /** An answer: pictures of its arrays, ready to be drawn in any size. */
  take(answer, { state }) {
    if (state.image !== this.state.image) return false;
    const { arrays } = answer, [K, S] = arrays.crops.shape, [, channels, cells] = arrays.z.shape;
    Object.assign(this, { answer, K, S, channelCount: channels, zCells: cells, cells: arrays.maps.shape[2] });
    this.matrices = cut(arrays.matrices, 6).map((matrix) => [...matrix]);
    this.inverses = this.matrices.map(inverse);
    this.points = cut(arrays.points, 136).map(pairs);
    this.crops = cut(arrays.crops, 3 * S * S).map((bytes) => this.photo(bytes, S));
    for (const [kind, n] of [["z", this.zCells], ["maps", this.cells]]) this.cursor[kind] ??= [n >> 1, n >> 1];
    this.standIn();
    this.layout();
    this.say();
    this.hint();
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
  choose(point) {
    this.point = point;
    this.chosen();
  }
  chosen() {
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
    const { answer, point } = this, status = this.find(".mic-status");
    if (!answer) return;
    const k = this.K - 1, { errors, confidence } = answer.arrays, at = 68 * k + point;
    const p = this.points[k][point], pixels = point === ALL || Math.hypot(...p.map((v, i) => v - this.goal[point][i]));
    const about = point === ALL ? "" : ` · ${point}: ${this.setup.names[point]}: at (${p.map((v) => v.toFixed(1)).join(", ")}), ` +
      `error ${percent(errors[at])} = ${pixels.toFixed(1)} px, confidence ${confidence[at].toFixed(2)}`;
    status.innerHTML = `<span class="mic-verdict ${answer.home ? "mic-good" : "mic-bad"}">${answer.home ? "✓ home" : "✗ not home"}</span>`;
    status.append(` ${answer.line.replaceAll("%", " %")}${about}`);
    this.find(".mic-ms").textContent = `all steps in ${Math.round(answer.ms)} ms`;
    this.sayParts(k);
    this.image.setAttribute("aria-label", `The image with the first box, the crops of ${this.K} steps and the points. ${answer.line}`);
    if (this.open) return this.sayInside();
    this.find(".mic-of-maps small").textContent = point === ALL ? "maximum over all points" : `of point ${point}`;
    this.find(".mic-of-z small").textContent = point === ALL || this.channelCount === 1 ? "given to the step" : `channel ${point}`;
    this.heads.slice(0, this.K).forEach((head, step) => { head.textContent = percent(mean(errors.subarray(68 * step, 68 * step + 68))); });
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
    const [a, b, c, d] = cut(unpack(this.setup.palettes.places), 4).map((colour) => `rgb(${colour})`); // of a window, line by line
    const key = `<i class="mic-window" style="background: conic-gradient(${b} 25%, ${d} 0 50%, ${c} 0 75%, ${a} 0)"></i> grey: none`;
    const notes = { crop: `of step ${inside.step}`, before: `stage ${inside.pool}, ${size("before")}`, pooled: `maxima, ${size("pooled")}`,
      places: key, held: size("held"), back: state.memory ? "where it was" : "upper left", detection: of, maps: of };
    this.panels.forEach(({ kind, canvas }, i) => {
      this.heads[i].innerHTML = notes[kind];
      canvas.setAttribute("aria-label", `${INSIDE[i][1]}, ${this.heads[i].textContent}. ${kind === "maps" ? HELP.maps : ""}`);
    });
  }
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
  drawPanel({ kind, k, canvas, keyed }) {
    const context = canvas.getContext("2d"), n = canvas.width, { S, lit } = this, { arrays } = this.answer;
    const back = this.inverses[k], toPanel = (p) => forward(back, p).map((v) => (v + 0.5) * n / S), shown = lit ?? ALL;
    const lay = (picture) => context.drawImage(picture, 0, 0, n, n);
    const single = (place, radius) => this.circle(context, place, radius, "transparent", "rgba(255, 255, 255, .8)", 1);
    if (kind === "crop") {
      lay(this.crops[k]);
      if (this.probe?.step === k + 1 && arrays.saliency) lay(this.painted(arrays.saliency, "glow", S));
      this.drawPoints(context, this.points[k].map(toPanel), { radius: 1.9, goals: this.goal.map(toPanel), strokes: false, unsure: this.unsure(k) });
    } else if (kind === "z") {
      lay(this.once(`z ${k} ${shown}`, () => this.painted(this.channel(arrays.z, k, shown), "map", this.zCells)));
      if (lit !== null && k) single(toPanel(this.points[k - 1][lit]), 12);
      Object.assign(context, { font: `${11 * this.ratio}px sans-serif`, fillStyle: "#fff" });
      context.fillText(this.zWord(k), 6 * this.ratio, 15 * this.ratio);
      canvas.classList.toggle("mic-edited", this.zWord(k) === "edited");
    } else if (!arrays[kind]) {
      return; // the answer that has it is on its way
    } else if (kind === "detection") {
      this.glow(context, this.crops[k], this.painted(arrays.detection, "glow", arrays.detection.shape[0]));
    } else if (kind === "maps") {
      const map = this.once(`maps ${k} ${shown}`, () => this.painted(this.channel(arrays.maps, k, shown), "glow", this.cells));
      this.glow(context, this.crops[k], map);
      if (lit !== null) single(toPanel(this.points[k][lit]), 12);
      if (this.probe?.step === k + 1) this.cell(context, [this.probe.x, this.probe.y], n / this.cells, CHOSEN);
    } else {
      context.imageSmoothingEnabled = false;
      lay(this.painted(arrays[kind], kind === "places" ? "places" : "map", arrays[kind].shape[0]));
    }
    if (keyed && kind === "z") single(this.cursor.z.map((v) => (v + 0.5) * n / this.zCells), 9);
    if (keyed && kind === "maps") this.cell(context, this.cursor.maps, n / this.cells, "#fff");
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
    const done = this.t === null ? { goals: this.goal.map(at), unsure: this.unsure(K - 1) } : {};
    this.drawPoints(context, points.map(at), { radius: 2.3, ...done });
    this.find(".mic-image").dataset.name = this.lit === null ? "" : `${this.lit}: ${this.setup.names[this.lit]}`;
  }
  unsure(k) { return (i) => this.answer.arrays.confidence[68 * k + i] < 0.5; }
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
  handleImage() {
    const at = (event) => {
      const [left, top, wide, tall] = this.shownPart, [x, y] = shares(event, this.over);
      return [left + x * wide - 0.5, top + y * tall - 0.5];
    };
    const point = (p) => this.answer && this.closest(this.points[this.K - 1].map(([x, y]) => [x - p[0], y - p[1]].map((v) => v * this.scale)), 10);
    let drag = null;
    hands(this.over, {
      over: (event) => this.pointAt(point(at(event)), HELP.box),
      hold: (event) => {
        drag = { part: event.target.dataset.part, from: at(event), last: at(event), moved: false };
        (drag.part === "occluder" || drag.part === "size" ? this.hider : drag.part ? this.box : null)?.focus({ preventScroll: true });
        event.preventDefault();
      },
      drag: (event) => {
        const now = at(event);
        drag.moved ||= Math.hypot(now[0] - drag.from[0], now[1] - drag.from[1]) * this.scale > 3;
        if (!drag.moved || !drag.part) return;
        this.dragTo(drag, now);
        drag.last = now;
        this.changed();
      },
      drop: (event) => { if (!drag.moved && event.type === "pointerup") this.choose(point(at(event)) ?? ALL); },
      leave: () => this.pointAt(null),
    });
  }
  dragTo({ part, last }, now) {
    const [x, y] = this.centre, far = (p) => Math.hypot(p[0] - x, p[1] - y), step = [now[0] - last[0], now[1] - last[1]];
    if (part === "box") this.moveBox(...step);
    else if (part === "corner") this.scaleBox(far(now) / Math.max(far(last), 1e-6));
    else if (part === "turn") this.turnBox(Math.atan2(now[0] - x, y - now[1]) * 180 / Math.PI);
    else if (part === "occluder") this.moveOccluder(...step);
    else this.sizeOccluder(2 * Math.max(now[0] - this.state.occluder[0], now[1] - this.state.occluder[1]));
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
  tick(ms, still) {
    const t = ms / 900;
    if (t >= this.K + 0.15) return false;
    this.t = Math.min(still ? Math.floor(t) + 1 : t, this.K);
    for (const { canvas, k } of this.panels) canvas.classList.toggle("mic-wait", k > this.t);
    this.drawImage();
  }
  stop() {
    if (!super.stop()) return;
    this.t = null;
    this.panels.forEach(({ canvas }) => canvas.classList.remove("mic-wait"));
    this.draw();
  }
}

export default { render: rendering(Microscope) };
