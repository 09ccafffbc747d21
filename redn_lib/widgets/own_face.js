// The page of one's own face; page.js stands before it. Its requests, {do, ...}, and what the answers hold, are described in own_face.py.
// Nothing of a picture is a widget's state, which a notebook may store.

const LIVE = 640, ROWS = ["crop", "response maps"]; // pixels of the larger side of a camera's frame
const HELP = {
  live: "Live: the points of each frame. Freeze a frame to correct its points.",
  points: "Drag a point to where it belongs. Keys: arrows move the chosen point (Shift: further), n and p go to the next and the one before, Delete puts it back.",
  rest: "Camera, file and sample stay between this page and its kernel: nothing is sent elsewhere or stored. Or drop a picture or a video here.",
};

/** A picture or a frame as JPEG, its larger side at most `largest`, and the canvas it was drawn on. */
async function jpegOf(source, width, height, largest) {
  const by = Math.min(1, largest / Math.max(width, height)), canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(by * width), height: Math.round(by * height) });
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
  return [canvas, new Uint8Array(await blob.arrayBuffer())];
}

export class OwnFace extends Page {
  begin() {
    this.halt();
    Object.assign(this, { point: ALL, network: "shipped", moves: "point", frame: 0, pictures: [], shown: -1, picture: null, view: null, drag: null });
    this.known ??= 0;
    this.todo = [{ do: this.answer ? "start_again" : "show" }];
  }
  close() { this.halt(); super.close(); }

  // ---- the page
  build() {
    this.shell(`
      <button class="own-camera" aria-pressed="false">camera</button>
      <button class="own-sample" aria-pressed="false" title="A clip in place of the camera">sample</button>
      <label class="own-open" title="A picture or a video from this computer">file <input type="file" accept="image/*,video/*"></label>
      <button class="own-freeze" title="Keep this frame, to correct its points">freeze</button>
      ${choosePoint(this.setup.names)}
      ${choice("moves", [["point", "point"], ["part", "part"], ["all", "face"]], "drag moves")}
      <i class="mic-break"></i>
      <span class="mic-pair"><button class="mic-press" title="Learn the pictures with a tick; the shipped weights stay as they are">fine-tune</button>
        <progress value="0" aria-label="fine-tuning"></progress></span>
      ${choice("network", [["shipped", "shipped"], ["tuned", "tuned"]], "network")}
      <span class="mic-pair">save ${["csv", "png", "weights"].map((kind) => `<button class="own-save" data-kind="${kind}">${kind}</button>`).join("")}</span>
      <button class="mic-reset" title="Forget all pictures and the tuned network">start again</button>`,
      `<div class="mic-image" data-name=""><canvas role="application" tabindex="0"></canvas></div>
       <div class="own-side"><div class="own-steps"></div><div class="own-pictures" role="group" aria-label="pictures"></div></div>`,
      `<p class="mic-told" role="status" aria-live="polite"></p>
       <div class="mic-key">${key([[POINT, "prediction"], [GOAL, "your points"], [ERROR, "error"]])}<span class="own-ghost">– – the other network</span></div>`);
    Object.assign(this, { image: this.find(".mic-image canvas"), steps: this.find(".own-steps"), cards: this.find(".own-pictures") });
    this.on(".own-camera", "click", () => (this.live === "camera" ? this.rest() : this.camera()));
    this.on(".own-sample", "click", () => (this.live === "sample" ? this.rest() : this.run("sample")));
    this.on("input[type=file]", "change", ({ target }) => { this.openFile(target.files[0]); target.value = ""; });
    this.on(".own-freeze", "click", () => this.act({ do: "freeze" }));
    this.on(".mic-press", "click", () => this.act({ press: true }));
    for (const button of this.el.querySelectorAll(".own-save")) {
      button.addEventListener("click", () => this.act({ do: "export", kind: button.dataset.kind, picture: Math.max(this.shown, 0), network: this.network }));
    }
    this.el.addEventListener("dragover", (event) => event.preventDefault());
    this.el.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.openFile(event.dataTransfer.files[0]);
    });
    this.backend.follow((told) => this.tell(told));
    this.handleImage();
    this.hint();
  }
  ended() {
    this.network = "tuned";
    this.sync();
    this.renew();
  }
  sync() {
    super.sync();
    const pressed = { ".own-camera": this.live === "camera", ".own-sample": this.live === "sample" };
    for (const [selector, on] of Object.entries(pressed)) put(this.find(selector), { "aria-pressed": on });
    this.find(".own-freeze").disabled = !this.live;
    this.find("[data-kind=weights]").disabled = this.find("input[value=tuned]").disabled = !this.tuned;
    for (const kind of ["csv", "png"]) this.find(`[data-kind=${kind}]`).disabled = this.shown < 0;
  }

  // ---- where pictures come from
  async camera() {
    try {
      if (!navigator.mediaDevices) throw new Error("this page may not use a camera (it needs https, or this computer): open a file, or take the sample");
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: LIVE }, facingMode: "user" } });
      await this.watch({ srcObject: stream });
    } catch (error) {
      this.fail(error.name === "NotAllowedError" ? new Error("the camera was refused: allow it, open a file, or take the sample") : error);
    }
  }
  async openFile(file) {
    if (!file) return;
    this.rest();
    if (file.type.startsWith("video/")) return this.watch({ src: URL.createObjectURL(file), loop: true }).catch((error) => this.fail(error));
    const picture = await createImageBitmap(file).catch(() => null), { largest } = this.setup; // what the browser cannot read, the kernel names
    const image = picture ? (await jpegOf(picture, picture.width, picture.height, largest))[1] : new Uint8Array(await file.arrayBuffer());
    this.act({ do: "add", name: file.name, image });
  }
  async watch(source) {
    const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true }, source);
    await video.play();
    this.halt();
    this.video = video;
    this.run("camera");
  }
  /** One frame after the other, the next when the last one is answered. */
  async run(live) {
    if (live === "sample") this.halt();
    Object.assign(this, { live, shown: -1, pictures: this.pictures });
    this.sync();
    this.showCards();
    while (this.live === live && this.el.isConnected) {
      if (!this.busy) {
        const { video } = this, next = { do: "follow" };
        if (live === "sample") next.sample = this.frame++;
        else [this.grabbed, next.image] = await jpegOf(video, video.videoWidth, video.videoHeight, LIVE);
        this.next = next;
        await this.ask();
      }
      await new Promise((done) => setTimeout(done, 30));
    }
  }
  /** No camera, no sample. */
  halt() {
    this.video?.srcObject?.getTracks().forEach((track) => track.stop());
    this.video?.pause();
    Object.assign(this, { video: null, live: null, next: null });
  }
  rest() { this.halt(); this.sync(); }

  // ---- asking
  act(request) { this.todo.push(request); this.ask(); }
  renew() { this.act({ do: "show", picture: this.shown }); }
  chosen() { this.renew(); }
  changed(name) { if (name === "moves") return this.sync(); if (name === "network") return this.renew(); super.changed(); }
  request() {
    const { point, network, next } = this, request = this.todo.shift() ?? (this.live && next);
    this.next = null;
    return request && { ...request, ...(["show", "correct", "learn", "remove", "follow"].includes(request.do) && { point, network }) };
  }
  fail(error) { super.fail(error); this.waiting ||= this.todo.length > 0; }
  take(answer, request) {
    const { arrays, line } = answer;
    this.waiting ||= this.todo.length > 0;
    if (request.press) return;
    if (answer.file) return this.download(answer);
    this.answer = answer;
    if (answer.pictures) {
      this.takePictures(answer);
      if (answer.shown < 0 && this.live) return;
    } else if (!this.live) return false;
    const view = arrays.points ? this.viewOf(arrays) : { steps: [] };
    const show = (picture) => { Object.assign(this, { picture, view }); this.find(".mic-status").textContent = line.replaceAll("%", " %"); this.layout(); this.hint(); };
    if (arrays.photo) createImageBitmap(new Blob([arrays.photo])).then(show);
    else show(answer.pictures ? null : this.grabbed);
  }
  viewOf({ crops, matrices, points, maps, corrected, shipped, tuned, confidence }) {
    const S = crops.shape[1], steps = cut(points, 136).map(pairs), other = tuned && (this.network === "tuned" ? shipped : tuned);
    return { S, maps, confidence: confidence.subarray(-68), steps, points: steps.at(-1), goal: corrected && pairs(corrected), other: other && pairs(other),
      shipped: shipped && pairs(shipped), inverses: cut(matrices, 6).map(inverse), crops: cut(crops, 3 * S * S).map((bytes) => this.photo(bytes, S)) };
  }
  takePictures({ pictures, shown, tuned, arrays }) {
    const { thumb } = this.setup;
    Object.assign(this, { pictures, shown, tuned, thumbs: cut(arrays.thumbs, 3 * thumb ** 2).map((bytes) => this.photo(bytes, thumb)) });
    if (!tuned) this.network = "shipped";
    if (shown >= 0) this.halt();
    this.sync();
    this.showCards();
  }
  showCards() {
    this.cards.replaceChildren(...this.pictures.map(({ name, learn, errors }, i) => {
      const card = Object.assign(document.createElement("div"), { className: "own-card" }), words = errors.map(percent).join(" → ");
      card.innerHTML = `<button aria-pressed="${i === this.shown}"></button><span><b></b><br>${words}<br>
        <label title="Fine-tuning learns from it"><input type="checkbox" ${learn ? "checked" : ""}> learn</label></span><button class="own-remove">×</button>`;
      const [show, remove] = card.querySelectorAll("button");
      card.querySelector("b").textContent = name;
      put(show, { "aria-label": `show ${name}` });
      put(remove, { "aria-label": `remove ${name}` });
      put(card.querySelector("input"), { "aria-label": `learn from ${name}` });
      show.append(this.thumbs[i]);
      show.addEventListener("click", () => { this.halt(); this.act({ do: "show", picture: i }); });
      remove.addEventListener("click", () => this.act({ do: "remove", picture: i }));
      card.querySelector("input").addEventListener("change", ({ target }) => this.act({ do: "learn", picture: i, learn: target.checked }));
      return card;
    }));
  }
  download({ file, arrays: { content } }) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content])), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    this.hint(`${file} is in your downloads`);
  }

  // ---- drawing
  layout() {
    const width = Math.floor(this.el.clientWidth - 4), { view, picture } = this;
    if (width <= 0) return;
    const K = view?.steps.length || 3, side = Math.floor(clamp((0.46 * width) / K - 8, 62, 132)), room = width - K * (side + 8) - 24, high = clamp(room, 200, 2 * side + 128);
    if (this.panels?.length !== 2 * K) this.buildSteps(K);
    this.panels.forEach((canvas) => this.resize(canvas, side, side));
    Object.assign(this, { side });
    this.find(".own-side").style.width = `${K * (side + 8)}px`;
    const full = picture ? [0, 0, picture.width, picture.height] : [0, 0, room, high];
    this.part = view?.goal ? this.closeUp(full, room / high) : full;
    this.scale = Math.min(room / this.part[2], high / this.part[3]);
    this.resize(this.image, this.scale * this.part[2], this.scale * this.part[3]);
    this.image.style.touchAction = view?.goal ? "none" : "auto";
    this.draw();
  }
  /** The part of a picture around its face, of this shape. */
  closeUp([, , width, height], shape) {
    const [xs, ys] = [0, 1].map((i) => this.view.shipped.map((p) => p[i])), low = [Math.min(...xs), Math.min(...ys)], top = [Math.max(...xs), Math.max(...ys)];
    const tall = 1.35 * Math.max(top[1] - low[1], (top[0] - low[0]) / shape), [w, h] = [Math.min(tall * shape, width), Math.min(tall, height)];
    return [clamp((low[0] + top[0] - w) / 2, 0, width - w), clamp((low[1] + top[1] - h) / 2, 0, height - h), w, h];
  }
  buildSteps(K) {
    this.steps.style.gridTemplateColumns = `repeat(${K}, auto)`;
    this.steps.innerHTML = ROWS.map((row, r) => range(K).map((k) =>
      `<div><div class="mic-head"><b>${r ? "" : `step ${k + 1}`}</b><span>${k ? "" : row}</span></div><canvas role="img" aria-label="${row} of step ${k + 1}"></canvas></div>`).join("")).join("");
    this.panels = [...this.steps.querySelectorAll("canvas")];
  }
  draw() {
    const { image, picture, view, part, scale, ratio, panels, side } = this, context = image.getContext("2d"), zoom = scale * ratio;
    context.clearRect(0, 0, image.width, image.height);
    panels.forEach((canvas) => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height));
    const kind = view?.goal ? "Frozen picture" : this.live ? "Live picture" : "No picture yet";
    put(image, { "aria-label": `${kind}. ${view?.goal ? HELP.points : HELP.live}` });
    this.find(".own-ghost").style.visibility = view?.other ? "visible" : "hidden";
    if (!picture) return this.words(context, "camera, file or sample", image.width / 2, image.height / 2, this.colour("quiet"), "center");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, ...part, 0, 0, image.width, image.height);
    if (!view.points) return;
    const at = ([x, y]) => [(x + 0.5 - part[0]) * zoom, (y + 0.5 - part[1]) * zoom], { goal, other } = view;
    context.setLineDash([4 * ratio, 3 * ratio]);
    if (other) this.strokes(context, other.map(at), "#fff", 0.9);
    context.setLineDash([]);
    this.drawPoints(context, view.points.map(at), { radius: 2.4, goals: goal?.map(at) ?? null, unsure: (i) => !goal && view.confidence[i] < 0.5 });
    for (const p of goal ?? []) this.circle(context, at(p), 2.2, GOAL);
    if (goal && this.lit !== null) this.circle(context, at(goal[this.lit]), 4.5, "transparent", CHOSEN, 2);
    this.find(".mic-image").dataset.name = this.lit === null ? "" : `${this.lit}: ${this.setup.names[this.lit]}`;
    view.steps.forEach((points, k) => {
      const [crop, maps] = [panels[k], panels[view.steps.length + k]].map((canvas) => canvas.getContext("2d")), n = Math.round(side * ratio);
      crop.drawImage(view.crops[k], 0, 0, n, n);
      const placed = points.map((p) => forward(view.inverses[k], p).map((v) => (v + 0.5) * n / view.S));
      this.drawPoints(crop, placed, { radius: 1.5, strokes: false });
      this.glow(maps, view.crops[k], this.painted(this.channel(view.maps, k, ALL), "glow", view.maps.shape[2]));
    });
  }
  hint(words) { super.hint(words ?? (this.view?.goal ? HELP.points : this.live ? HELP.live : HELP.rest)); }

  // ---- hands
  handleImage() {
    const { image } = this, at = (event) => shares(event, image).map((share, i) => this.part[i] + share * this.part[2 + i] - 0.5);
    const near = (p) => this.view?.points && this.closest((this.view.goal ?? this.view.points).map(([x, y]) => [(x - p[0]) * this.scale, (y - p[1]) * this.scale]), 14);
    hands(image, {
      over: (event) => this.pointAt(near(at(event)) ?? null),
      hold: (event) => {
        const point = near(at(event)) ?? null;
        if (point === null) return false;
        this.point = point;
        this.drag = { last: at(event), moved: false };
        image.focus({ preventScroll: true });
        event.preventDefault();
        this.sync();
        this.draw();
        return Boolean(this.view.goal);
      },
      drag: (event) => {
        const now = at(event), { drag } = this;
        this.move([now[0] - drag.last[0], now[1] - drag.last[1]]);
        Object.assign(drag, { last: now, moved: true });
      },
      drop: () => (this.drag.moved ? this.send() : this.renew()),
      leave: () => this.pointAt(null),
    });
    image.addEventListener("keydown", (event) => this.keyOnPoints(event));
  }
  keyOnPoints(event) {
    const { view, point } = this, step = this.arrow(event, 1 / this.scale, 6 / this.scale), way = { n: 1, p: -1 }[event.key];
    if (!view?.goal) return;
    if (way) { this.point = (point + way + 68) % 68; this.sync(); this.renew(); }
    else if (point === ALL) return;
    else if (step) { this.move(step); this.send(); }
    else if (event.key === "Delete" || event.key === "Backspace") { this.place((p, i) => [...view.shipped[i]]); this.send(); }
    else return;
    event.preventDefault();
  }
  /** The chosen point, its part of the face or all points, each at a new place. */
  place(to) {
    const { moves, point, view, setup } = this, part = setup.parts.find((indices) => indices.includes(point));
    const chosen = moves === "point" ? [point] : moves === "part" ? part : range(68);
    view.goal = view.goal.map((p, i) => (chosen.includes(i) ? to(p, i) : p));
    this.draw();
  }
  move([dx, dy]) { this.place(([x, y]) => [x + dx, y + dy]); }
  send() { this.act({ do: "correct", picture: this.shown, points: this.view.goal }); }
}

export default { render: rendering(OwnFace) };
