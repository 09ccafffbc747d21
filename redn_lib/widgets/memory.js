// The page of the memory microscope; page.js stands before it. Its request is {state, frame, whole, drag}; what these and the answer hold is
// described in memory.py. Arrays of a frame are kept until the state changes, so that scrubbing asks once for each frame.

const TIPS = {
  rest: "Drag the occluder over the face, or press a point. Below the frames: press a place to forget before it (key f: this frame).",
  occluder: "Occluder: drag it in. Keys: arrows move it (Shift: further), + and − its share, [ and ] its direction, Enter: enters in this frame, Delete removes it.",
  busy: "Tracking again, from the first frame that changed ...",
};
const PANELS = [["image", "no memory", 0], ["image", "memory", 1], ["maps", "maps, no memory", 0], ["maps", "maps, memory", 1]];
const CURVES = ["alone", "memory", "hold", "filter"]; // names of their colours, by row of `errors`
const UNITS = [["forget gates", "bright: open, the unit keeps its value"], ["input gates", "bright: open, the unit takes something in"],
  ["state of the units", "blue above 0, orange below"]];
const LEFT = 46, STRIP = 30, CUT = 18, HEAD = 17; // pixels: beside the curves, heights of frames, of the lane to forget in, of a title

export class MemoryMicroscope extends Page {
  begin() {
    const { state, frame } = this.setup;
    Object.assign(this, { state: structuredClone(state), frame, point: ALL, unit: null, drag: null });
  }

  // ---- the page
  build() {
    const { setup } = this, { limits } = setup, last = setup.frames - 1, same = (names) => names.map((name) => [name, name]);
    const of = (name, ...words) => number(`state.${name}`, ...limits[name], ...words);
    this.shell(`
      <button class="mic-play" title="Go through the frames">▶ Play</button>
      ${slider("frame", 0, last, 1, "frame", "The frame that is shown", 'data-on="input" data-then="scrubbed"')}
      <button class="mem-forget" aria-pressed="false" title="Clear the memory before this frame (key f)">forget here</button>
      ${choosePoint(setup.names)}
      <span ${setup.clips.length > 1 ? "" : "hidden"}>${choose("state.clip", setup.clips.map((name, i) => [i, name]), "clip")}</span>
      ${choose("state.occluder", same(setup.occluders), "occluder", "What passes before the face")}
      ${of("enters", "from", "First frame in which it hides its full share")}
      ${of("lasts", "for", "So many frames")}
      ${slider("state.share", ...limits.share, 0.05, "hides", "Share of the face that it hides", 'data-form="%"')}
      ${of("direction", "moves (°)", "0: to the right, 90: down", 'step="15"')}
      ${choose("state.baseline", same(setup.filters), "filter", "Smooths the points found without memory")}
      ${of("steps", "steps", "Feedback steps a frame")}
      <button class="mic-reset" title="Everything back to where it began">start again</button>`,
      `<div class="mem-panels">${PANELS.map(([kind, title]) => `<div class="mem-panel mem-${kind}"><div class="mic-head"><b>${title}</b>
        <span></span></div><canvas role="img"></canvas></div>`).join("")}</div><canvas class="mem-time" role="img"></canvas>`,
      `<div class="mic-key">${key([[POINT, "prediction"], [GOAL, "label"]])}
        <span><i class="mem-ring"></i>prior, and how far off it may be</span><span class="mic-ms"></span></div>`);
    const cells = [...this.el.querySelectorAll(".mem-panel")];
    this.panels = PANELS.map(([kind, title, k], i) => ({ kind, title, k, canvas: cells[i].querySelector("canvas"), head: cells[i].querySelector("span") }));
    this.time = this.find(".mem-time");
    this.buildOccluder(cells[1]);
    for (const panel of this.panels) this.handlePanel(panel);
    this.on(".mem-forget", "click", () => this.toggle(this.frame));
    this.handleTime();
    this.hint();
  }
  buildOccluder(cell) {
    this.over = svg("svg", { viewBox: `-0.5 -0.5 ${this.setup.patch} ${this.setup.patch}` }, cell);
    this.handle = svg("g", { tabindex: 0, role: "application", "aria-label": TIPS.occluder }, this.over);
    for (const name of ["mic-back", "mic-frame"]) svg("circle", { class: name, "data-part": "occluder" }, this.handle);
    this.help(this.handle, TIPS.occluder);
    this.handle.addEventListener("keydown", (event) => this.keyOnOccluder(event));
  }
  key(event) {
    if (event.key === "f" && event.target.tagName !== "SELECT") this.toggle(this.frame);
    if (event.key === "Escape") { this.point = ALL; this.chosen(); }
  }
  layout() {
    const width = Math.floor(this.el.clientWidth - 4), T = this.setup.frames;
    if (width <= 0) return;
    const side = Math.floor(clamp(0.205 * width, 116, 206)), room = width - 2 * side - 8 - 20;
    this.panels.forEach(({ canvas }) => this.resize(canvas, side, side));
    this.find(".mem-panels").style.gridTemplateColumns = `${side}px ${side}px`;
    const high = 2 * (side + 22) + 6 - STRIP - CUT, lanes = 5 * HEAD, share = Math.max(high - lanes, 190) / 100;
    let top = STRIP + CUT;
    this.lanes = [36, 19, 15, 15, 15].map((part) => {
      const lane = { top: top + HEAD, high: Math.floor(part * share) - 5 };
      top += HEAD + Math.floor(part * share);
      return lane;
    });
    Object.assign(this, { side, room, column: (room - LEFT) / T });
    this.resize(this.time, room, top);
    this.draw();
  }

  // ---- state
  changed(name) {
    if (JSON.stringify(this.state) !== this.known) {
      Object.assign(this, { views: {}, known: null });
      this.find(".mic-hint").textContent = TIPS.busy;
      this.el.classList.add("mem-busy");
    }
    super.changed(name);
  }
  scrubbed() { this.stop(); this.moved(); }
  moved() { this.sync(); this.show(); this.ask(); }
  chosen() { this.sync(); this.say(); this.draw(); }
  sync() {
    super.sync();
    const button = this.find(".mem-forget");
    put(button, { "aria-pressed": this.state.forget.includes(this.frame) });
    button.disabled = this.frame === 0;
  }
  /** Forget before a frame, or no longer. */
  toggle(t) {
    if (t < 1) return;
    const { forget } = this.state;
    this.state.forget = forget.includes(t) ? forget.filter((frame) => frame !== t) : [...forget, t].sort((a, b) => a - b);
    this.changed();
  }
  request() {
    const { state, frame, known, views } = this;
    if (this.drag?.moved) return { state, frame, drag: true };
    const ahead = range(this.playing ? 4 : 1).map((i) => frame + i).find((t) => t < this.setup.frames && !views?.[t]);
    return known && ahead === undefined ? null : { state, frame: ahead ?? frame, whole: !known };
  }
  take(answer, request) {
    const { arrays } = answer, { frame, state } = request, { patch, size } = this.setup, asked = JSON.stringify(state);
    if (request.drag) {
      this.preview = this.photo(arrays.image, patch);
      return this.draw();
    }
    if (asked !== JSON.stringify(this.state)) return false;
    if (request.whole) this.takeClip(answer, asked);
    this.views[frame] = { image: this.photo(arrays.image, patch), maps: arrays.maps, cells: arrays.maps.shape[2], line: answer.line,
      crops: cut(arrays.crops, 3 * size * size).map((bytes) => this.photo(bytes, size)), inverses: cut(arrays.matrices, 6).map(inverse) };
    this.answer = answer;
    if (!this.drag && this.request()) this.waiting = true;
    this.standIn();
    this.show();
  }
  takeClip({ arrays, names, ms, computed }, asked) {
    const T = this.setup.frames, R = arrays.rows.length, frames = (values) => cut(values, 136).map(pairs);
    const strip = cut(arrays.strip, 3072).map((bytes) => this.photo(bytes, 32));
    const units = cut(arrays.units, R * T).map((values, u) => this.painted(values, u === 2 ? "signed" : "map", T, R));
    const points = cut(arrays.points, 136 * T).map(frames), [truth, expected] = [arrays.truth, arrays.expected].map(frames);
    this.clip = { ...arrays, names, strip, units, points, truth, expected, places: pairs(arrays.places) };
    this.clip.values = arrays.units;
    Object.assign(this, { views: {}, known: asked, preview: null });
    this.find(".mic-ms").textContent = `${computed} frames tracked again in ${Math.round(ms)} ms`;
    this.el.classList.remove("mem-busy");
    this.hint();
  }
  /** The panels show a frame once its arrays are there. */
  show() {
    const view = this.views?.[this.frame];
    if (view) this.shown = { ...view, t: this.frame };
    this.say();
    this.draw();
  }

  // ---- words
  /** A row of numbers (T, 68) at frame t: the chosen point's, or the mean. */
  at(values, t, start = 0) {
    const row = values.subarray(68 * (start + t), 68 * (start + t) + 68);
    return this.lit === null ? mean(row) : row[this.lit];
  }
  say() {
    const { clip, shown, point, setup } = this, T = setup.frames;
    if (!shown) return;
    const { t, line } = shown, errors = clip.names.map((_, n) => this.at(clip.errors, t, n * T));
    const about = point === ALL ? "" : ` · ${point}: ${setup.names[point]}: error ${clip.names.map((name, n) => `${name} ${percent(errors[n])}`).join(", ")}, ` +
      `trust ${this.at(clip.trust, t).toFixed(2)}, share of the prior ${this.at(clip.share, t).toFixed(2)}, prior within ${this.at(clip.reach, t).toFixed(1)} px`;
    this.find(".mic-status").textContent = line.replaceAll("%", " %") + about;
    this.panels.forEach(({ kind, title, k, canvas, head }) => {
      head.textContent = kind === "image" ? percent(errors[k]) : point === ALL ? "" : `of point ${point}`;
      put(canvas, { "aria-label": `${title}, frame ${t}. ${kind === "image" ? `The face with its points, error ${percent(errors[k])}` : "Response maps of the last step"}` });
    });
    put(this.time, { "aria-label": `Over time: frames, where the memory is cleared, errors, trust and share of the prior, gates and state of the LSTM. ${line}` });
  }
  hint(words = "") {
    const line = this.find(".mic-hint"), { clip, unit, frame } = this;
    if (unit !== null && clip) {
      const [forget, input, state] = range(3).map((u) => clip.values[(u * clip.rows.length + unit) * this.setup.frames + frame] / 255);
      line.textContent = `Unit ${clip.rows[unit]} in frame ${frame}: forget gate ${forget.toFixed(2)}, input gate ${input.toFixed(2)}, state ${(2 * state - 1).toFixed(2)}`;
    } else line.textContent = this.hover !== null ? `${this.hover}: ${this.setup.names[this.hover]}` : words || TIPS.rest;
  }

  // ---- drawing
  draw() {
    if (!this.shown || !this.lanes) return;
    for (const panel of this.panels) this.drawPanel(panel);
    this.drawOccluder();
    this.drawTime();
  }
  drawPanel({ kind, k, canvas }) {
    const { clip, shown, lit, setup } = this, { t } = shown, context = canvas.getContext("2d"), n = canvas.width;
    const zoom = n / setup.patch, onPatch = (p) => p.map((v) => (v + 0.5) * zoom);
    if (kind === "image") {
      context.drawImage(this.preview ?? shown.image, 0, 0, n, n);
      if (k) for (const ghost of [0, 2]) this.strokes(context, clip.points[ghost][t].map(onPatch), this.colour(CURVES[ghost]), 0.75);
      if (k) this.prior(context, onPatch, zoom);
      return this.drawPoints(context, clip.points[k][t].map(onPatch), { radius: 1.9, goals: clip.truth[t].map(onPatch) });
    }
    this.glow(context, shown.crops[k], this.painted(this.channel(shown.maps, k, lit ?? ALL), "glow", shown.cells));
    const back = shown.inverses[k], scale = n / setup.size, at = (p) => forward(back, p).map((v) => (v + 0.5) * scale);
    if (k) this.prior(context, at, Math.hypot(back[0], back[3]) * scale);
    if (lit !== null) this.circle(context, at(clip.points[k][t][lit]), 3, CHOSEN);
  }
  /** Where the memory expects the points: circles as large as it may be off; of all points, or of the chosen one. */
  prior(context, at, zoom) {
    const { clip, shown: { t }, lit } = this;
    context.globalAlpha = lit === null ? 0.6 : 1;
    for (const i of lit === null ? range(68) : [lit]) {
      this.circle(context, at(clip.expected[t][i]), clip.reach[68 * t + i] * zoom / this.ratio, "transparent", CROP, lit === null ? 0.9 : 2.2);
    }
    context.globalAlpha = 1;
  }
  drawOccluder() {
    const { state, clip, setup, shown } = this, [x, y] = this.drag?.at ?? clip.places[shown.t], edge = 12;
    this.handle.style.display = state.occluder === "none" ? "none" : "";
    const place = { cx: clamp(x, edge, setup.patch - edge), cy: clamp(y, edge, setup.patch - edge) }, away = place.cx !== x || place.cy !== y;
    for (const circle of this.handle.children) put(circle, { ...place, r: away ? edge : 0.3 * clip.face[0] });
  }
  drawTime() {
    const { time, clip, column, frame, ratio, lanes, setup, state } = this, context = time.getContext("2d"), T = setup.frames;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, time.width, time.height);
    const bottom = time.height / ratio, ink = this.colour("ink"), quiet = this.colour("quiet"), x = (t) => LEFT + t * column;
    const words = (...given) => this.words(context, ...given), at = (u) => ({ ...lanes[u], left: LEFT, column });
    const over = (values, n = 0) => range(T).map((t) => this.at(values, t, n * T));
    context.fillStyle = this.colour("chosen");
    context.fillRect(x(frame), 0, column, bottom);
    const thumb = Math.min(column - 1, STRIP - 4);
    clip.strip.forEach((picture, t) => context.drawImage(picture, x(t) + (column - thumb) / 2, (STRIP - thumb) / 2, thumb, thumb));
    words(`${frame}`, LEFT - 8, STRIP / 2 + 4, ink, "right", "bold");
    words("forget", LEFT - 8, STRIP + 13, quiet, "right");
    context.fillStyle = this.colour("line");
    context.fillRect(LEFT, STRIP + 8, T * column, 2);
    for (const t of state.forget) words("✕", x(t), STRIP + 13, this.colour("bad"), "center", "bold");
    const errors = clip.names.map((name, n) => [name, CURVES[n], over(clip.errors, n), n === 1 ? 2.4 : 1.2]);
    const top = clamp(Math.max(...errors.flatMap(([, , values]) => values)), 0.1, 0.4), grey = [...clip.occluded];
    this.curves(context, at(0), "error, %", errors, [0, top], grey, (value) => percent(value).replace(".0", ""));
    const memory = [["trust", "prior", over(clip.trust), 2], ["share of the prior", "memory", over(clip.share), 2]];
    this.curves(context, at(1), "memory", memory, [0, 1], grey, (value) => value);
    context.imageSmoothingEnabled = false;
    UNITS.forEach(([title, note], u) => {
      const { top, high } = lanes[2 + u];
      words(title, LEFT, top - 5, ink, "left", "bold");
      words(note, LEFT + 118, top - 5, quiet);
      context.drawImage(clip.units[u], LEFT, top, T * column, high);
      if (this.unit !== null) context.strokeRect(LEFT, top + this.unit * high / clip.rows.length, T * column, Math.max(high / clip.rows.length, 1));
    });
    for (const t of state.forget) this.trace(context, [[x(t), STRIP + CUT], [x(t), bottom]], this.colour("bad"), 1.4 / ratio);
    Object.assign(context, { strokeStyle: ink, lineWidth: 1 }).strokeRect(x(frame) + 0.5, 0.5, column - 1, bottom - 1);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
  // ---- hands
  handlePanel(panel) {
    const { kind, k, canvas } = panel, { patch, size } = this.setup, over = kind === "image" && k > 0, target = over ? this.over : canvas;
    const at = (event) => shares(event, target), onPatch = (event) => at(event).map((v) => v * patch);
    const near = (share) => {
      if (!this.shown) return null;
      const { t, inverses } = this.shown, points = this.clip.points[k][t];
      const on = kind === "image" ? (p) => p.map((v) => (v + 0.5) / patch) : (p) => forward(inverses[k], p).map((v) => (v + 0.5) / size);
      return this.closest(points.map((p) => on(p).map((v, i) => (v - share[i]) * this.side)), 9);
    };
    hands(target, {
      over: (event) => this.pointAt(near(at(event))),
      hold: (event) => {
        if (event.target.dataset.part) return this.startDrag(event, onPatch(event));
        this.point = near(at(event)) ?? ALL;
        this.chosen();
        return false;
      },
      drag: (event) => this.dragTo(onPatch(event)),
      drop: () => this.drop(),
      leave: () => this.pointAt(null),
    });
  }
  startDrag(event, at) {
    this.hover = null;
    this.handle.focus({ preventScroll: true });
    this.drag = { from: at, at: null, moved: false, start: this.clip.places[this.frame], aside: this.state.aside };
    event.preventDefault();
  }
  dragTo(at) {
    const { drag, clip } = this;
    if (!drag.moved && Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) < 3) return;
    if (!drag.moved) this.enter();
    Object.assign(drag, { moved: true, at });
    this.state.aside = drag.aside.map((v, i) => v + (at[i] - drag.start[i]) / clip.face[0]);
    this.stop();
    this.draw();
    this.ask();
  }
  /** The occluder enters in this frame, where it is not before the face in it. */
  enter() {
    const { state, frame, clip, drag } = this;
    if (frame >= state.enters && frame < state.enters + state.lasts) return;
    state.enters = frame;
    if (drag) drag.start = [0, 1].map((i) => mean(clip.truth[frame].map((p) => p[i])) + drag.aside[i] * clip.face[0]);
  }
  drop() {
    const moved = this.drag?.moved;
    this.drag = null;
    if (moved) this.changed();
  }
  keyOnOccluder(event) {
    const { state, setup: { limits } } = this, step = this.arrow(event, 0.05, 0.2), { key } = event;
    const share = { "+": 0.05, "=": 0.05, "-": -0.05, "−": -0.05 }[key], turn = { "[": -15, "]": 15 }[key];
    if (step) state.aside = state.aside.map((v, i) => +(v + step[i]).toFixed(2));
    else if (share) state.share = +clamp(state.share + share, ...limits.share).toFixed(2);
    else if (turn) state.direction = clamp(state.direction + turn, ...limits.direction);
    else if (key === "Enter") this.enter();
    else if (key === "Delete" || key === "Backspace") { state.occluder = "none"; this.find("select[data-bind='state.occluder']").focus(); }
    else return;
    event.preventDefault();
    this.changed();
  }
  handleTime() {
    const { time } = this, under = (event) => {
      const [x, y] = shares(event, time);
      return [(x * time.clientWidth - LEFT) / this.column, y * time.clientHeight];
    };
    const scrub = (event) => { this.frame = clamp(Math.floor(under(event)[0]), 0, this.setup.frames - 1); this.scrubbed(); };
    const show = (unit) => {
      if (unit === this.unit) return;
      this.unit = unit;
      this.hint();
      this.draw();
    };
    hands(time, {
      over: (event) => {
        const [, y] = under(event), lane = this.lanes?.slice(2).find(({ top, high }) => y >= top && y < top + high);
        show(lane && this.clip ? Math.floor((y - lane.top) / lane.high * this.clip.rows.length) : null);
      },
      hold: (event) => {
        const [at, y] = under(event), forgets = y > STRIP && y < STRIP + CUT;
        if (this.clip && forgets) this.toggle(clamp(Math.round(at), 1, this.setup.frames - 1));
        if (!this.clip || forgets) return false;
        scrub(event);
      },
      drag: (event) => scrub(event),
      leave: () => show(null),
    });
  }
  play() {
    this.next = 0;
    if (!this.playing && this.frame === this.setup.frames - 1) this.frame = 0;
    super.play();
    this.moved();
  }
  tick(ms) {
    if (!this.views?.[this.frame] || ms < this.next) return true;
    if (this.frame === this.setup.frames - 1) return false;
    this.frame += 1;
    this.next = ms + 120;
    this.moved();
  }
}

export default { render: rendering(MemoryMicroscope) };
