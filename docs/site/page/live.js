// The page around the microscope: its first faces, pictures from a file, the camera. No picture leaves the page.

const LARGEST = 1024, LIVE = 640, PANEL = 112; // pixels of the larger side of a picture, of a camera's frame, of a live panel

/** Bytes back in what JSON has carried as {base64}. */
function revived(value) {
  if (value?.base64 !== undefined) return Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
  if (Array.isArray(value)) return value.map(revived);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revived(inner)]));
}

/** The pixels of a picture or video, its larger side at most `largest`, on a canvas of their own. */
function drawn(source, width, height, largest) {
  const by = Math.min(1, largest / Math.max(width, height)), canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(by * width), height: Math.round(by * height) });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return { canvas, image: context.getImageData(0, 0, canvas.width, canvas.height) };
}
async function pictureOf(blob, largest) {
  const picture = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  return drawn(picture, picture.width, picture.height, largest);
}
const find = (id) => document.getElementById(id);
const tell = (words) => { find("live-status").textContent = words; };

/** The microscope on faces of its own; the faces that the site brings stay in its list. */
class Stage {
  static async begin() {
    const setup = revived(JSON.parse(new TextDecoder().decode(await unpacked("setup"))));
    const pictures = await Promise.all(setup.faces.map(({ image }) => pictureOf(new Blob([image]), Infinity)));
    const [network, page] = [await StepNetwork.load(), (await moduleOf("microscope")).default];
    const goals = setup.faces.map(({ goal }) => new Float32Array(goal.data.buffer));
    const stage = Object.assign(new Stage(), { setup, network, page, images: pictures.map(({ image }) => image), goals });
    stage.show(setup, stage.images, goals);
    return stage;
  }
  show(setup, images, goals) {
    this.close?.();
    find("microscope-page").replaceChildren();
    this.model = new PageModel(setup, this.network, images, goals);
    const { model } = this;
    this.close = this.page.render({ model, el: find("microscope-page"), experimental: { invoke: (...given) => model.invoke(...given) } });
  }
  /** A picture of the reader's, with the box of the face in it. */
  async open({ canvas, image }, name, box) {
    const steps = await runLoop(this.network, image, { box, steps: about.steps }), goal = Float32Array.from(steps.at(-1).points);
    const jpeg = new Uint8Array(await (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92))).arrayBuffer());
    const { width, height } = image, face = { name, box, goal: packedArray(goal, [68, 2]), labelled: false, image: jpeg, width, height };
    const state = { ...this.setup.state, image: 0, box, turn: 0 }, faces = [face, ...this.setup.faces];
    this.shown = { canvas, image, name };
    this.show({ ...this.setup, state, faces, still: jpeg, about: name }, [image, ...this.images], [goal, ...this.goals]);
  }
}

/** The camera's frames, tracked, with the steps of the loop beside them. */
class Camera {
  constructor(stage) { Object.assign(this, { stage, video: document.createElement("video") }); }
  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: LIVE }, facingMode: "user" } });
    Object.assign(this.video, { srcObject: this.stream, muted: true, playsInline: true });
    await this.video.play();
    const colours = revivedColours(this.stage.setup), tracker = new FaceTracker(this.stage.network, await faceDetector()), times = [];
    for (this.frames = 0; this.stream; this.frames++) {
      const picture = drawn(this.video, this.video.videoWidth, this.video.videoHeight, LIVE), steps = await tracker.next(picture.image);
      Object.assign(this, { picture, steps });
      drawLive(find("live"), picture, steps, colours);
      times.push(performance.now());
      if (times.length > 12) times.shift();
      this.rate = 1000 * (times.length - 1) / (times.at(-1) - times[0]);
      const sure = steps && `confidence ${meanOf(steps.at(-1).confidence).toFixed(2)}, `;
      tell(`${sure || "no face found, "}${times.length > 1 ? this.rate.toFixed(1) : "–"} frames a second`);
      await new Promise(requestAnimationFrame);
    }
  }
  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }
}

const revivedColours = ({ palettes }) => new Uint8Array(palettes.map.data);

/** A frame with its points, and for each step its crop, the z that it was given and its response maps. */
function drawLive(canvas, { canvas: frame }, steps, colours) {
  const ratio = window.devicePixelRatio || 1, K = about.steps, gap = 8, high = 3 * PANEL + 2 * gap, wide = high * frame.width / frame.height;
  const width = wide + K * (PANEL + gap), context = canvas.getContext("2d"), size = [width, high].map((v) => Math.round(v * ratio));
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, high);
  context.drawImage(frame, 0, 0, wide, high);
  if (!steps) return;
  const by = high / frame.height, points = ({ points }, at, radius) => {
    const placed = at ? through(at, points) : points;
    context.fillStyle = "#56b4e9";
    for (let i = 0; i < placed.length; i += 2) {
      context.beginPath();
      context.arc(placed[i], placed[i + 1], radius, 0, 7);
      context.fill();
    }
  };
  context.save();
  context.scale(by, by);
  const corners = through(steps.at(-1).place, [0, 0, about.size, 0, about.size, about.size, 0, about.size]);
  context.beginPath();
  for (let i = 0; i < 8; i += 2) context.lineTo(corners[i], corners[i + 1]);
  context.closePath();
  Object.assign(context, { strokeStyle: "#00c08b", lineWidth: 1.5 / by });
  context.stroke();
  points(steps.at(-1), null, 2 / by);
  context.restore();
  steps.forEach((step, k) => {
    const x = wide + gap + k * (PANEL + gap), m = about.maps, area = about.size ** 2;
    const panel = (row, side, colour) => context.drawImage(smallCanvas(3 * k + row, side, colour), x, row * (PANEL + gap), PANEL, PANEL);
    const inColours = (row, maps) => {
      const most = largestOf(maps, m * m);
      panel(row, m, (at, c) => colours[4 * Math.round(255 * most[at]) + c]);
    };
    panel(0, about.size, (at, c) => 255 * step.frame[c * area + at]);
    inColours(1, step.z);
    inColours(2, peaks(step.maps, m * m));
    context.save();
    context.translate(x, 0);
    context.scale(PANEL / about.size, PANEL / about.size);
    points(step, back(step.place), 1.6);
    context.restore();
  });
}
/** The largest of all maps of n cells at each cell. */
function largestOf(maps, n) {
  const most = new Float32Array(n);
  for (let start = 0; start < maps.length; start += n) for (let i = 0; i < n; i++) most[i] = Math.max(most[i], maps[start + i]);
  return most;
}
/** A square canvas with colour(cell, 0 to 2); the same one again for the same number. */
const smallCanvas = (() => {
  const kept = [];
  return (number, side, colour) => {
    const data = new ImageData(side, side), canvas = kept[number] ??= Object.assign(document.createElement("canvas"), { width: side, height: side });
    for (let at = 0, i = 0; at < side * side; at++) {
      for (let c = 0; c < 3; c++) data.data[i++] = colour(at, c);
      data.data[i++] = 255;
    }
    canvas.getContext("2d").putImageData(data, 0, 0);
    return canvas;
  };
})();

/** The face detector, loaded when it is first needed. */
const faceDetector = (() => {
  let loaded = null;
  return () => loaded ??= FaceDetector.load();
})();

/** The microscope takes the theme that the reader chose for the site. */
function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const { theme } = document.body.dataset, isDark = theme === "dark" || (theme !== "light" && dark.matches);
    document.body.dataset.jpThemeLight = String(!isDark);
  };
  new MutationObserver(apply).observe(document.body, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", apply);
  apply();
}

async function takeFile(stage, file) {
  tell(`looking for a face in ${file.name} …`);
  const picture = await pictureOf(file, LARGEST), { width, height } = picture.image;
  const [box] = await (await faceDetector()).detect(picture.image), half = Math.min(width, height) / 5;
  await stage.open(picture, file.name, box ?? [width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half]);
  find("own-box").hidden = Boolean(box);
  tell(box ? "" : "No face found. Drag the box onto the face, brows to chin, then press “this is the box”.");
}

/** Runs what a control does; what goes wrong is told beside it. */
const acting = (act) => async (...given) => {
  try {
    await act(...given);
  } catch (error) {
    tell(error.name === "NotAllowedError" ? "The camera was refused." : error.message);
  }
};

acting(async () => {
  followTheme();
  const stage = await Stage.begin(), camera = new Camera(stage), page = find("touch");
  const live = (on) => {
    for (const id of ["live", "freeze"]) find(id).hidden = !on;
    find("microscope-page").hidden = on;
    find("camera").setAttribute("aria-pressed", on);
    find("camera").textContent = on ? "Stop the camera" : "Camera";
    if (!on) camera.stop();
  };
  find("camera").addEventListener("click", acting(async () => {
    if (camera.stream) { live(false); tell(""); return; }
    tell("waiting for the camera …");
    const running = camera.start();
    live(true);
    await running.finally(() => live(false));
  }));
  find("freeze").addEventListener("click", acting(async () => {
    const { picture, steps } = camera;
    live(false);
    if (steps) await stage.open(picture, "camera", tightBox(steps.at(-1).points));
    tell(steps ? "" : "no face in this frame");
  }));
  find("own-box").addEventListener("click", acting(async () => {
    const { canvas, image, name } = stage.shown;
    await stage.open({ canvas, image }, name, stage.model.request.state.box);
    find("own-box").hidden = true;
    tell("");
  }));
  find("file").addEventListener("change", acting(async ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file, changed meanwhile, can be opened again
    live(false);
    if (file) await takeFile(stage, file);
  }));
  page.addEventListener("dragover", (event) => event.preventDefault());
  page.addEventListener("drop", acting(async (event) => {
    event.preventDefault();
    live(false);
    if (event.dataTransfer.files[0]) await takeFile(stage, event.dataTransfer.files[0]);
  }));
  for (const id of ["camera", "file"]) find(id).disabled = false;
  tell("");
  Object.assign(page, { stage, camera });
})();
