// The networks in the page, run by onnxruntime-web in WebAssembly, on one thread. Everything comes from the scripts
// beside the page, in which it is packed as text, so that the page works from a folder on a disk; see build.py.

/** What build.py packed under a name: bytes. */
async function unpacked(name) {
  const bytes = Uint8Array.from(atob(packed[name]), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An ES module out of packed text. */
const moduleOf = async (name) =>
  import(URL.createObjectURL(new Blob([await unpacked(name)], { type: "text/javascript" })));

/** onnxruntime-web, loaded once. */
const runtime = (() => {
  let loaded = null;
  return () => loaded ??= (async () => {
    const [ort, wasmBinary] = await Promise.all([moduleOf("runtime"), unpacked("wasm")]);
    Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary });
    return ort;
  })();
})();

/** One graph; its runs wait for each other. */
class Graph {
  static async load(name) {
    const ort = await runtime();
    return Object.assign(new Graph(), { ort, session: await ort.InferenceSession.create(await unpacked(name)), last: null });
  }
  tensor(values, shape) {
    return new this.ort.Tensor(values instanceof BigInt64Array ? "int64" : "float32", values, shape);
  }
  run(feeds, outputs) {
    const next = (this.last ?? Promise.resolve()).then(() => this.session.run(feeds, outputs));
    this.last = next.catch(() => null);
    return next;
  }
}

/** One feedback step, see export.py. */
class StepNetwork {
  static async load() { return Object.assign(new StepNetwork(), { graph: await Graph.load("step") }); }
  /** The outputs by name, typed arrays with `dims`; by default the logits of f_REG alone. */
  async run({ frame, z, step, memory = true, features = true }, outputs = ["regression"]) {
    const { graph } = this, { size, maps } = about, one = (on) => graph.tensor(new Float32Array([Number(on)]), [1]);
    const feeds = { frame: graph.tensor(frame, [1, 3, size, size]), z: graph.tensor(z, [1, 68, maps, maps]) };
    Object.assign(feeds, { step: graph.tensor(new BigInt64Array([BigInt(step)]), [1]), memory: one(memory), features: one(features) });
    const results = await graph.run(feeds, outputs);
    return Object.fromEntries(outputs.map((name) => [name, Object.assign(results[name].data, { dims: results[name].dims })]));
  }
}

/** Finds faces as redn_lib/tracking/detector.py. */
class FaceDetector {
  static async load() { return Object.assign(new FaceDetector(), { graph: await Graph.load("detector") }); }
  /** Boxes of faces in an image, the largest first: the tight ones of the 68 points. sides: see there. */
  async detect(image, sides = about.detector.sides) {
    const longer = Math.max(image.width, image.height);
    let found = [];
    for (const side of sides) {
      found = await this.detectAt(image, Math.min(1, side / longer));
      if (found.length || side >= longer) break;
    }
    const { tight } = about.detector;
    const size = ([x0, y0, x1, y1]) => [x1 - x0, y1 - y0, x1 - x0, y1 - y0], area = (box) => size(box)[0] * size(box)[1];
    found.sort((a, b) => area(b) - area(a));
    return found.map((box) => size(box).map((v, i) => box[i % 2] + tight[i] * v));
  }
  async detectAt(image, scale) {
    const [w, h] = [image.width, image.height].map((n) => Math.max(1, rint(n * scale))), { outputs, stride, least } = about.detector;
    const small = shrink(image, [0, 0, image.width, image.height], [w, h]), [wide, tall] = [w, h].map((n) => 32 * Math.ceil(n / 32));
    const padded = new Float32Array(3 * wide * tall);
    for (let row = 0; row < 3 * h; row++) {
      padded.set(small.subarray(row * w, (row + 1) * w), (Math.floor(row / h) * tall + row % h) * wide);
    }
    const feeds = { [about.detector.input]: this.graph.tensor(padded, [1, 3, tall, wide]) };
    const results = await this.graph.run(feeds, outputs), [heat, logSize, offset] = outputs.map((name) => results[name].data);
    const columns = wide / stride, cells = columns * tall / stride, boxes = [];
    for (let at = 0; at < cells; at++) {
      if (heat[at] < least) continue;
      const half = [logSize[cells + at], logSize[at]].map((v) => stride * Math.exp(v) / 2); // across, down
      const centre = [at % columns + offset[cells + at], Math.floor(at / columns) + offset[at]].map((v) => stride * (v + 0.5) - 0.5);
      boxes.push({ score: heat[at], box: [...centre.map((v, i) => v - half[i]), ...centre.map((v, i) => v + half[i])] });
    }
    const kept = [];
    for (const { box } of boxes.sort((a, b) => b.score - a.score)) {
      if (kept.every((other) => overlapOf(box, other) <= about.detector.shared)) kept.push(box);
    }
    const by = [w / image.width, h / image.height];
    return kept.map((box) => box.map((v, i) => (v + 0.5) / by[i % 2] - 0.5));
  }
}

/** Shared area / joint area of two boxes. */
function overlapOf(a, b) {
  const side = (i) => Math.max(Math.min(a[i + 2], b[i + 2]) - Math.max(a[i], b[i]), 0), area = (c) => (c[2] - c[0]) * (c[3] - c[1]);
  const shared = side(0) * side(1);
  return shared / (area(a) + area(b) - shared);
}
