// The feedback loop in the page: what crop.py, feedback.py, response_maps.py and align.py of redn_lib do, in their order.
// The network runs each step. `about` has every number that is the library's, see export.py.
//
// image  {data, width, height}, RGBA bytes, as of a canvas.
// crop   [a, b, c, d, e, f]: x and y in the crop to a x + b y + c and d x + e y + f in the patch or image.
// points Float64Array of 136 numbers: x0, y0, x1, ...; in pixels.

const rint = (v) => v + 6755399441055744 - 6755399441055744; // as numpy, halves to the even: 1.5 * 2 ** 52 has no room for a fraction
const { fround } = Math; // OpenCV reckons in single precision: a pixel that is rounded otherwise can move a point
const limited = (v, low, high) => Math.min(Math.max(v, low), high);
const upTo = (n) => [...Array(n).keys()];

const through = ([a, b, c, d, e, f], points) =>
  points.map((v, i) => (i % 2 ? d * points[i - 1] + e * v + f : a * v + b * points[i + 1] + c));
const after = ([a, b, c, d, e, f], [p, q, r, s, t, u]) => // crop of a crop
  [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
function back([a, b, c, d, e, f]) {
  const n = a * e - b * d;
  return [e / n, -b / n, (b * f - c * e) / n, -d / n, a / n, (c * d - a * f) / n];
}
const zoomOf = (crop) => Math.hypot(crop[0], crop[3]);

/** Smallest box [x0, y0, x1, y1] that holds the points. */
function tightBox(points) {
  const xs = points.filter((_, i) => i % 2 === 0), ys = points.filter((_, i) => i % 2);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Square crop centred on a box, `margin` times its larger side, `turn` degrees clockwise. */
function cropAround([x0, y0, x1, y1], margin, size, turn = 0) {
  const scale = margin * Math.max(x1 - x0, y1 - y0) / (size - 1), angle = turn * Math.PI / 180, half = (size - 1) / 2;
  const c = scale * Math.cos(angle), s = scale * Math.sin(angle);
  return [c, -s, (x0 + x1) / 2 - (c - s) * half, s, c, (y0 + y1) / 2 - (s + c) * half];
}

/** Crop a picture of planes (n, side, side) to (n, size, size), black outside. */
function takeCrop(planes, n, width, height, crop, size) {
  const out = new Float32Array(n * size * size), [a, b, c, d, e, f] = crop, area = width * height;
  for (let y = 0, at = 0; y < size; y++) for (let x = 0; x < size; x++, at++) {
    const u = a * x + b * y + c, v = d * x + e * y + f, left = Math.floor(u), top = Math.floor(v), p = u - left, q = v - top;
    if (left < -1 || top < -1 || left >= width || top >= height) continue;
    const inLeft = left >= 0, inTop = top >= 0, inRight = left + 1 < width, inBottom = top + 1 < height;
    for (let k = 0; k < n; k++) {
      const from = k * area + top * width + left;
      out[k * size * size + at] = (inLeft && inTop ? (1 - p) * (1 - q) * planes[from] : 0)
        + (inRight && inTop ? p * (1 - q) * planes[from + 1] : 0)
        + (inLeft && inBottom ? (1 - p) * q * planes[from + width] : 0)
        + (inRight && inBottom ? p * q * planes[from + width + 1] : 0);
    }
  }
  return out;
}

/** Whole grey levels of planes (3, height, width) under a crop, as OpenCV's warpAffine: (3, size, size), black outside. */
function warp(planes, width, height, crop, size) {
  const out = new Float32Array(3 * size * size), [a, b, c, d, e, f] = crop.map(fround), area = width * height;
  const pixel = (k, column, row) =>
    column >= 0 && row >= 0 && column < width && row < height ? planes[k * area + row * width + column] : 0;
  for (let y = 0, at = 0; y < size; y++) for (let x = 0; x < size; x++, at++) {
    const u = fround(a * x + fround(b * y + c)), v = fround(d * x + fround(e * y + f));
    const left = Math.floor(u), top = Math.floor(v), p = fround(u - left), q = fround(v - top);
    if (left < -1 || top < -1 || left >= width || top >= height) continue;
    const inside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height;
    for (let k = 0; k < 3; k++) {
      const from = k * area + top * width + left, at0 = inside ? planes[from] : pixel(k, left, top);
      const at1 = inside ? planes[from + 1] : pixel(k, left + 1, top);
      const at2 = inside ? planes[from + width] : pixel(k, left, top + 1);
      const at3 = inside ? planes[from + width + 1] : pixel(k, left + 1, top + 1);
      const above = fround(at0 + p * (at1 - at0)), below = fround(at2 + p * (at3 - at2));
      out[k * size * size + at] = rint(fround(above + q * fround(below - above)));
    }
  }
  return out;
}

/** For each of `to` pixels the pixels of `from` that it covers, with their shares, as OpenCV: [{first, weights}, ...]. */
function areaShares(from, to) {
  const scale = from / to;
  return upTo(to).map((i) => {
    const low = i * scale, high = low + scale, width = Math.min(scale, from - low);
    const end = Math.min(Math.floor(high), from - 1), start = Math.min(Math.ceil(low), end), weights = [];
    const first = start - low > 1e-3 ? start - 1 : start;
    if (first < start) weights.push((start - low) / width);
    for (let j = start; j < end; j++) weights.push(1 / width);
    if (high - end > 1e-3) weights.push(Math.min(high - end, 1, width) / width);
    return { first, weights: Float32Array.from(weights) };
  });
}

/** A part of an image, shrunk by area, as planes (3, height, width) of whole grey levels, 0 to 255. */
function shrink({ data, width }, [x0, y0, x1, y1], [wide, tall]) {
  const across = areaShares(x1 - x0, wide), down = areaShares(y1 - y0, tall), rows = y1 - y0;
  const half = new Float32Array(3 * rows * wide), out = new Float32Array(3 * tall * wide);
  for (let y = 0; y < rows; y++) for (let x = 0; x < wide; x++) {
    const { first, weights } = across[x];
    let red = 0, green = 0, blue = 0, from = 4 * ((y + y0) * width + first + x0);
    for (let i = 0; i < weights.length; i++, from += 4) {
      red = fround(red + fround(weights[i] * data[from]));
      green = fround(green + fround(weights[i] * data[from + 1]));
      blue = fround(blue + fround(weights[i] * data[from + 2]));
    }
    const at = y * wide + x;
    half[at] = red;
    half[rows * wide + at] = green;
    half[2 * rows * wide + at] = blue;
  }
  for (let k = 0; k < 3; k++) for (let y = 0; y < tall; y++) {
    const { first, weights } = down[y];
    for (let x = 0; x < wide; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum = fround(sum + fround(weights[i] * half[(k * rows + first + i) * wide + x]));
      out[(k * tall + y) * wide + x] = rint(sum);
    }
  }
  return out;
}

/** The patch of a box: its place in the image, and its pixels (3, P, P) in [0, 1]; shrunk first where it would alias. */
function takePatch(image, box) {
  const { size, margin } = about.patch, place = cropAround(box, margin, size), scale = zoomOf(place), last = size - 1;
  const corners = through(place, [0, 0, last, 0, 0, last, last, last]), [x0, y0, x1, y1] = tightBox(corners);
  const low = [x0, y0].map((v) => Math.max(Math.floor(v) - 2, 0));
  const high = [[x1, image.width], [y1, image.height]].map(([v, most]) => Math.min(Math.ceil(v) + 3, most));
  const span = high.map((v, i) => v - low[i]), [bx0, by0, bx1, by1] = box;
  if (bx0 >= image.width || by0 >= image.height || bx1 < 0 || by1 < 0 || Math.min(...span) < 1) {
    throw new Error(`the box lies outside the image of ${image.width}x${image.height} pixels`);
  }
  const wanted = scale > 1.5 ? span.map((v) => Math.max(rint(v / scale), 1)) : span, by = wanted.map((v, i) => v / span[i]);
  const part = shrink(image, [...low, ...high], wanted);
  const into = [by[0], 0, by[0] * (0.5 - low[0]) - 0.5, 0, by[1], by[1] * (0.5 - low[1]) - 0.5];
  return { place, pixels: warp(part, ...wanted, after(into, place), size).map((v) => v / 255) };
}

/** Response maps of logits (68, n cells): each a probability over its cells. */
function softmaxOf(logits, n) {
  const out = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += n) {
    let most = -Infinity, sum = 0;
    for (let i = start; i < start + n; i++) most = Math.max(most, logits[i]);
    for (let i = start; i < start + n; i++) sum += out[i] = Math.exp(logits[i] - most);
    for (let i = start; i < start + n; i++) out[i] /= sum;
  }
  return out;
}

const cellCentre = (i) => (i + 0.5) * about.size / about.maps - 0.5; // in crop pixels

/** Mean position of each map, in crop pixels. */
function decode(maps) {
  const h = about.maps, points = new Float64Array(136);
  for (let i = 0, at = 0; i < 68; i++) for (let y = 0; y < h; y++) for (let x = 0; x < h; x++, at++) {
    points[2 * i] += maps[at] * cellCentre(x);
    points[2 * i + 1] += maps[at] * cellCentre(y);
  }
  return points;
}

/** Share of each map within two cells of its point, in crop pixels. */
function confidenceOf(maps, points) {
  const h = about.maps, limit = (2 * about.size / h) ** 2, out = new Float32Array(68);
  for (let i = 0, at = 0; i < 68; i++) for (let y = 0; y < h; y++) for (let x = 0; x < h; x++, at++) {
    const far = (cellCentre(x) - points[2 * i]) ** 2 + (cellCentre(y) - points[2 * i + 1]) ** 2;
    if (far <= limit) out[i] += maps[at];
  }
  return out.map((v) => limited(v, 0, 1));
}

/** A Gaussian of height 1 at each point, over n cells a side; points, size and sigma in the same pixels. */
function gaussianMaps(points, n, size, sigma) {
  const out = new Float32Array(points.length / 2 * n * n);
  const row = (p) => upTo(n).map((i) => Math.exp(-(((i + 0.5) * size / n - 0.5 - p) ** 2) / (2 * sigma ** 2)));
  for (let i = 0, at = 0; i < points.length / 2; i++) {
    const across = row(points[2 * i]), down = row(points[2 * i + 1]);
    for (let y = 0; y < n; y++) for (let x = 0; x < n; x++, at++) out[at] = down[y] * across[x];
  }
  return out;
}

/** The mean shape fitted to points by a similarity: (x, y) of the shape to (a x - b y + c, b x + a y + d). */
function fittedShape(points) {
  const { shape } = about, n = shape.length, mean = [0, 0], centre = [0, 0];
  shape.forEach((p, i) => [0, 1].forEach((k) => { mean[k] += p[k] / n; centre[k] += points[2 * i + k] / n; }));
  let a = 0, b = 0, norm = 0;
  shape.forEach((p, i) => {
    const [x, y] = [p[0] - mean[0], p[1] - mean[1]], [u, v] = [points[2 * i] - centre[0], points[2 * i + 1] - centre[1]];
    norm += x * x + y * y;
    a += u * x + v * y;
    b += v * x - u * y;
  });
  [a, b] = [a / norm, b / norm];
  return [a, -b, centre[0] - a * mean[0] + b * mean[1], b, a, centre[1] - b * mean[0] - a * mean[1]];
}

/** The crop in which the face stands upright: the mean shape, fitted to the points, fills 1 / margin of it. */
function uprightCrop(points, last) {
  const { size, margin } = about, [a, , x, b, , y] = fittedShape(points);
  const grow = 2 * margin / (size - 1), before = zoomOf(last), half = (size - 1) / 2;
  let [c, s] = [a * grow, b * grow], zoom = Math.hypot(c, s);
  if (zoom < before / 100) [c, s, zoom] = [last[0], last[3], before];
  const by = limited(zoom, before / 2, before * 2) / zoom;
  [c, s] = [c * by, s * by];
  return [c, -s, x - (c - s) * half, s, c, y - (s + c) * half];
}

/** z of the next step, drawn from the last one into the next crop. */
function drawZ(form, last, crop) {
  const { size, maps: n, sigma } = about;
  if (form.draw === "gaussians") return gaussianMaps(through(back(crop), last.points), n, size, sigma);
  if (form.draw !== "softmax") return new Float32Array(last.maps.length);
  const peaked = peaks(last.maps, n * n);
  if (!form.recrop) return peaked;
  const cell = size / n, half = (cell - 1) / 2, [a, b, c, d, e, f] = after(back(last.crop), crop);
  return takeCrop(peaked, 68, n, n, [a, b, ((a + b) * half + c - half) / cell, d, e, ((d + e) * half + f - half) / cell], n);
}

/** Maps of n cells, each scaled to its own peak. */
function peaks(maps, n) {
  const out = new Float32Array(maps.length);
  for (let start = 0; start < maps.length; start += n) {
    const most = maps.subarray(start, start + n).reduce((a, b) => Math.max(a, b), 1e-12);
    for (let i = start; i < start + n; i++) out[i] = maps[i] / most;
  }
  return out;
}

/** The mean of the steps' points up to a step (0-based), in crop pixels; a step that moves them far counts alone. */
function averaged(points, before, step) {
  const share = 1 / (step + 1);
  let moved = 0;
  for (let i = 0; i < 68; i++) moved += Math.hypot(points[2 * i] - before[2 * i], points[2 * i + 1] - before[2 * i + 1]) / 68;
  const by = share + (1 - share) * Math.min(moved / (about.far * about.size), 1);
  return points.map((v, i) => before[i] + by * (v - before[i]));
}

/** A change of z (68, n, n) made by hand: paint, erase, blank or exchange. */
function editZ(z, { kind, channels, at }) {
  const n = about.maps, chosen = channels.length ? channels : upTo(68), out = z.slice();
  const brush = new Float32Array(n * n), strokes = gaussianMaps(at.flat(), n, n, 1);
  strokes.forEach((v, i) => { brush[i % (n * n)] = Math.max(brush[i % (n * n)], v); });
  chosen.forEach((channel, k) => {
    const part = out.subarray(channel * n * n, (channel + 1) * n * n), other = chosen[chosen.length - 1 - k];
    if (kind === "blank") part.fill(0);
    else if (kind === "exchange") part.set(z.subarray(other * n * n, (other + 1) * n * n));
    else if (kind === "paint") brush.forEach((v, i) => { part[i] = Math.max(part[i], v); });
    else brush.forEach((v, i) => { part[i] = Math.min(part[i], Math.max(1 - 1.5 * v, 0)); });
  });
  return out;
}

/** A copy of an image with a grey square: middle x, y and side in pixels. */
function occluded({ data, width, height }, [x, y, side]) {
  const out = data.slice(), half = side / 2;
  const [x0, y0, x1, y1] = [x - half, y - half, x + half, y + half].map((v) => Math.max(rint(v), 0));
  for (let row = y0; row < Math.min(y1, height); row++) for (let column = x0; column < Math.min(x1, width); column++) {
    out.set(about.occluder, 4 * (row * width + column));
  }
  return { data: out, width, height };
}

/**
 * The loop on an image; state as `MicroscopeState` of redn_lib, form, edits, memory and features may be left out.
 * Returns for each step {place (crop to pixels of the image), frame (3, S, S), z, maps, points (of the image),
 * confidence}.
 */
async function runLoop(network, image, state) {
  const { form = about.form, edits = [], steps, turn = 0 } = state, { size, maps: n } = about;
  const { place, pixels } = takePatch(state.occluder ? occluded(image, state.occluder) : image, state.box), done = [];
  const [x0, y0, x1, y1] = state.box, box = through(back(place), [x0, y0, x1, y1]);
  let crop = cropAround(box, about.firstMargin, size, turn), z = new Float32Array(68 * n * n);
  for (let k = 0; k < steps; k++) {
    const last = done.at(-1);
    if (last && form.recrop) crop = uprightCrop(last.points, crop);
    if (last) z = drawZ(form, last, crop);
    for (const edit of edits) if (edit.step === k + 1) z = editZ(z, edit);
    const frame = takeCrop(pixels, 3, about.patch.size, about.patch.size, crop, size);
    const { regression } = await network.run({ frame, z, step: k, ...state });
    const maps = softmaxOf(regression, n * n);
    let at = decode(maps);
    if (last && form.average) at = averaged(at, through(back(crop), last.points), k);
    done.push({ crop, frame, z, maps, points: through(crop, at), confidence: confidenceOf(maps, at) });
  }
  return done.map((step) => ({ ...step, place: after(place, step.crop), points: through(place, step.points) }));
}
