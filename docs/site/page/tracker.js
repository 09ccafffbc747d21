// Follows one face from frame to frame, as redn_lib/tracking/tracker.py does without the memory, with less work for a page: upright faces
// only, and a face that has moved is fitted once; the later steps of the loop take the crop where it is.

class FaceTracker {
  constructor(network, detector) { Object.assign(this, { network, detector, face: null }); }

  /** The steps of the loop on the face in the next frame, null where there is none. */
  async next(image) {
    if (this.face) this.face = await this.follow(image, this.face);
    if (this.face && this.isDue(this.face)) this.face = await this.check(image, this.face);
    this.face ??= await this.find(image);
    return this.face?.steps ?? null;
  }
  isDue({ steps, age, unseen }) {
    return unseen > 0 || age % about.tracker.every === 0 || meanOf(steps.at(-1).confidence) < about.tracker.sure;
  }
  async find(image) {
    for (const box of (await this.detector.detect(image)).slice(0, 3)) {
      const steps = await this.confirm(image, box);
      if (steps) return { steps, age: 0, unseen: 0 };
    }
    return null;
  }
  async confirm(image, box) {
    const steps = await this.fit(image, box);
    return steps && overlapOf(tightBox(steps.at(-1).points), box) >= about.tracker.same ? steps : null;
  }
  async follow(image, last) {
    const before = tightBox(last.steps.at(-1).points), steps = await this.loop(image, before);
    if (!steps) return null;
    const growth = largerSide(tightBox(steps.at(-1).points)) / largerSide(before), most = about.tracker.growth;
    return growth >= 1 / most && growth <= most ? { ...last, steps, age: last.age + 1 } : null;
  }
  /** The loop from a box, and again from its result where the face has moved. */
  async fit(image, box) {
    let steps = await this.loop(image, box);
    if (steps && overlapOf(tightBox(steps.at(-1).points), box) < about.tracker.still) {
      steps = await this.loop(image, tightBox(steps.at(-1).points));
    }
    return steps;
  }
  async loop(image, box) {
    const steps = await runLoop(this.network, image, { box, steps: about.steps });
    return isFace(steps.at(-1), image) ? steps : null;
  }
  async check(image, face) {
    const box = tightBox(face.steps.at(-1).points), reach = largerSide(box), [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const low = [x, y].map((v) => Math.max(Math.floor(v - reach), 0));
    const high = [[x, image.width], [y, image.height]].map(([v, most]) => Math.min(Math.ceil(v + reach) + 1, most));
    const boxes = await this.detector.detect(partOf(image, low, high), [about.tracker.side]);
    if (!boxes.length) return face.unseen + 1 < about.tracker.unseen ? { ...face, unseen: face.unseen + 1 } : null;
    const found = boxes.map((b) => b.map((v, i) => v + low[i % 2])), share = found.map((b) => overlapOf(b, box));
    const nearest = share.indexOf(Math.max(...share));
    const steps = share[nearest] >= about.tracker.same ? face.steps : await this.confirm(image, found[nearest]);
    return steps && { ...face, steps, unseen: 0 };
  }
}

const largerSide = ([x0, y0, x1, y1]) => Math.max(x1 - x0, y1 - y0);

function partOf({ data, width }, [x0, y0], [x1, y1]) {
  const out = new Uint8ClampedArray(4 * (x1 - x0) * (y1 - y0));
  for (let y = y0; y < y1; y++) out.set(data.subarray(4 * (y * width + x0), 4 * (y * width + x1)), 4 * (y - y0) * (x1 - x0));
  return { data: out, width: x1 - x0, height: y1 - y0 };
}

/** Whether a step's points can be a face: confident, of a face's shape, inside the image. */
function isFace({ points, confidence }, { width, height }) {
  if (!points.every(Number.isFinite) || meanOf(confidence) < about.tracker.lost) return false;
  const fitted = through(fittedShape(points), about.shape.flat()), middle = [0, 1].map((k) => meanOf(fitted.filter((_, i) => i % 2 === k)));
  const far = Math.hypot(...fitted.map((v, i) => v - points[i])), radius = Math.hypot(...fitted.map((v, i) => v - middle[i % 2]));
  const box = tightBox(points), side = (i, most) => Math.max(Math.min(box[i + 2], most - 0.5) - Math.max(box[i], -0.5), 0);
  const inside = side(0, width) * side(1, height) / ((box[2] - box[0]) * (box[3] - box[1]));
  return far <= about.tracker.misfit * radius && inside >= about.tracker.inside;
}
