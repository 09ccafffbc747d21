// What stands in for the kernel: an object with what a page of redn_lib/widgets needs of anywidget (see page.js). It answers
// the microscope's requests as redn_lib/widgets/microscope.py does; what is in an answer is described there.

const N = 68, NO_VALUE = 4;
const percent = (share) => `${(100 * share).toFixed(1)}%`;
const toBytes = (values, top) => Uint8Array.from(values, (v) => 255 * limited(v / Math.max(top, 1e-12), 0, 1));
const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);

/** An array as it goes to the page. */
function packedArray(values, shape) {
  const type = { Uint8Array: "uint8", Float32Array: "float32", Int32Array: "int32" }[values.constructor.name];
  return { shape, type, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
/** Several arrays of one kind as one. */
function joined(arrays, Kind = arrays[0].constructor) {
  const out = new Kind(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) { out.set(array, at); at += array.length; }
  return out;
}

/** Distance of points from the goal over its eye distance, (68,). */
function errorsOf(points, goal) {
  const [a, b] = about.outerEyes, far = (p, q, i, j) => Math.hypot(p[2 * i] - q[2 * j], p[2 * i + 1] - q[2 * j + 1]);
  const eyes = far(goal, goal, a, b);
  return Float32Array.from(upTo(N), (i) => far(points, goal, i, i) / eyes);
}
const meanOf = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** One channel (h, w) of an output (1, C, h, w). */
function channelOf(array, channel) {
  const n = array.dims[2] * array.dims[3];
  return array.subarray(channel * n, (channel + 1) * n);
}

class PageModel {
  /**
   * setup: as of the kernel's widget; network: a StepNetwork.
   * images: the pixels of each face of the setup, {data, width, height}; goals: the points it is compared with.
   */
  constructor(setup, network, images, goals) {
    Object.assign(this, { setup, network, images, goals });
  }
  get(name) { return this[name]; }
  on() {}
  off() {}
  async invoke(_, request) {
    this.request = request;
    try {
      const { arrays, ...answer } = await this.respond(request), named = Object.entries(arrays).map(([name, array]) => ({ name, ...array }));
      return [{ ...answer, arrays: named }, named.map(({ data }) => data)];
    } catch ({ message }) {
      return [{ error: message }, []];
    }
  }

  async respond({ state, probe, inside }) {
    const began = performance.now(), goal = this.goals[state.image], asked = JSON.stringify(state);
    const steps = asked === this.asked ? this.steps : await runLoop(this.network, this.images[state.image], state);
    Object.assign(this, { asked, steps });
    const errors = steps.map(({ points }) => errorsOf(points, goal)), means = errors.map(meanOf);
    const arrays = this.arraysOf(steps, errors);
    if (probe) Object.assign(arrays, await this.probeCell(steps, state, probe));
    const opened = inside ? await this.openStep(steps, state, inside, goal) : { arrays: {}, words: "" };
    return { arrays: { ...arrays, ...opened.arrays }, line: this.line(state, means), home: means.at(-1) <= about.home,
      opened: opened.words, ms: performance.now() - began };
  }

  line({ image, memory, features }, means) {
    const { name, labelled } = this.setup.faces[image], told = means.map((error, k) => `step ${k + 1} ${percent(error)}`);
    const off = (memory ? "" : ", pools forget") + (features ? "" : ", f_REG sees no features");
    return `${name}: ${told.join(" → ")} of the eye distance from the ${labelled ? "labels" : "undisturbed prediction"}${off}`;
  }

  arraysOf(steps, errors) {
    const K = steps.length, { size: S, maps: m } = about, area = S * S;
    const pixels = ({ frame }) => Uint8Array.from({ length: 3 * area }, (_, i) => rint(255 * frame[i % 3 * area + Math.floor(i / 3)]));
    return {
      crops: packedArray(joined(steps.map(pixels)), [K, S, S, 3]),
      matrices: packedArray(Float32Array.from(steps.flatMap(({ place }) => place)), [K, 2, 3]),
      z: packedArray(joined(steps.map(({ z }) => toBytes(z, 1))), [K, N, m, m]),
      maps: packedArray(joined(steps.map(({ maps }) => toBytes(peaks(maps, m * m), 1))), [K, N, m, m]),
      points: packedArray(joined(steps.map(({ points }) => points), Float32Array), [K, N, 2]),
      errors: packedArray(joined(errors), [K, N]),
      confidence: packedArray(joined(steps.map(({ confidence }) => confidence)), [K, N]),
    };
  }

  /** One channel on its way down to a pool and up from it, and the detection map. */
  async openStep(steps, state, { step, pool, rank, point }, goal) {
    const { z, place } = steps[step - 1], frame = inBytes(steps[step - 1].frame), names = ["before", "indices", "held", "back"].map((name) => `${name}_${pool}`);
    const given = { frame, z, step: step - 1 }, outputs = ["regression", "detection", ...names];
    const whole = await this.network.run(given, outputs);
    const here = state.memory && state.features ? whole : await this.network.run({ ...given, ...state, step: step - 1 }, outputs);
    const channels = whole[`held_${pool}`].dims[1], [h, w] = here[`indices_${pool}`].dims.slice(2);
    const peak = upTo(channels).map((channel) => largest(channelOf(whole[`held_${pool}`], channel)));
    const channel = upTo(channels).sort((a, b) => peak[b] - peak[a])[rank - 1];
    const [before, indices, held, putBack] = names.map((name) => channelOf(here[name], channel));
    const pooled = Float32Array.from(indices, (i) => before[Number(i)]);
    const places = Uint8Array.from(indices, (i, at) => pooled[at] > 0 ? 2 * (Math.floor(Number(i) / (2 * w)) % 2) + Number(i) % 2 : NO_VALUE);
    const detection = detectionMap(here.detection, point), side = here.detection.dims[2];
    const shown = (values, height, width) => packedArray(toBytes(values, largest(values)), [height, width]);
    const error = ({ regression }) => percent(meanOf(errorsOf(through(place, decode(softmaxOf(regression, about.maps ** 2))), goal)));
    const count = (name) => here[`${name}_${pool}`].length.toLocaleString("en"), full = pooled.filter((v) => v > 0).length;
    const words = [
      `pool ${pool} keeps ${count("indices")} of ${count("before")} values, and a place for each`,
      `rank ${rank} is channel ${channel}: ${full} of ${pooled.length} windows hold a value`,
      `the maps of step ${step} alone: ${error(here)}, with all parts on ${error(whole)}`,
    ].join(" · ");
    return { words, arrays: {
      before: shown(before, 2 * h, 2 * w), pooled: shown(pooled, h, w), held: shown(held, h, w), back: shown(putBack, 2 * h, 2 * w),
      places: packedArray(places, [h, w]), detection: shown(detection, side, side),
    } };
  }

  /** Where a cell of a response map comes from: the places in the pools; without the gradient, which needs a kernel. */
  async probeCell(steps, state, { step, point, x, y }) {
    const { z, maps } = steps[step - 1], frame = inBytes(steps[step - 1].frame), m = about.maps, { pools } = about, at = y * m + x;
    const scaled = peaks(maps, m * m), strongest = upTo(N).reduce((a, b) => scaled[b * m * m + at] > scaled[a * m * m + at] ? b : a);
    const outputs = pools.flatMap((pool) => [`indices_${pool}`, `held_${pool}`]);
    const opened = await this.network.run({ frame, z, ...state, step: step - 1 }, outputs), shares = [], own = [];
    for (const pool of pools) {
      const held = opened[`held_${pool}`], indices = opened[`indices_${pool}`], [, channels, h, w] = held.dims;
      const [column, row] = [x, y].map((c) => Math.floor(c * 2 * h / m)), share = [0, 0, 0, 0];
      for (let c = 0; c < channels; c++) {
        const i = (c * h + (row >> 1)) * w + (column >> 1), index = Number(indices[i]);
        share[2 * (Math.floor(index / (2 * w)) % 2) + index % 2] += Math.max(held[i], 0);
      }
      const sum = Math.max(share.reduce((a, b) => a + b), 1e-9);
      shares.push(...share.map((v) => v / sum));
      own.push(2 * (row % 2) + column % 2);
    }
    return {
      saliency: packedArray(new Uint8Array(about.size ** 2), [about.size, about.size]),
      chosen: packedArray(Int32Array.of(point < 0 ? strongest : point), [1]),
      pools: packedArray(Float32Array.from(shares), [pools.length, 4]),
      own: packedArray(Int32Array.from(own), [pools.length]), stages: packedArray(Int32Array.from(pools), [pools.length]),
    };
  }
}

/** A crop as its 8 bits say, as the library opens a step. */
const inBytes = (frame) => frame.map((v) => rint(255 * v) / 255);

/** Probability of a point's label in each cell of the detection logits; of the most probable point for -1. */
function detectionMap(logits, point) {
  const [, labels, h, w] = logits.dims, out = new Float32Array(h * w);
  for (let at = 0; at < h * w; at++) {
    const values = upTo(labels).map((label) => logits[label * h * w + at]), most = Math.max(...values);
    const odds = values.map((v) => Math.exp(v - most)), sum = odds.reduce((a, b) => a + b);
    out[at] = (point < 0 ? Math.max(...odds.slice(1)) : odds[point + 1]) / sum;
  }
  return out;
}
