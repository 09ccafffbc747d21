"""What the page of the microscope is given: the networks as ONNX, the library's numbers, the first faces; as scripts.

A page that lies in a folder on a disk may load scripts beside it, and nothing else: so each file is packed as text into
a script of its own, which `network.js` unpacks.
"""

import base64
import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import onnx
from export import export

from redn_lib import landmarks
from redn_lib.crop import PATCH_MARGIN, PATCH_SIZE
from redn_lib.data.samples import astronaut
from redn_lib.data.synthetic import still_image
from redn_lib.feedback import FAR
from redn_lib.rednet import RedNet
from redn_lib.tracking import detector, tracker
from redn_lib.widgets.disturbed_loop import HOME
from redn_lib.widgets.microscope import Microscope, microscope
from redn_lib.widgets.style import OCCLUDER

SYNTHETIC = (5, 11, 12)  # numbers of the synthetic faces that the page begins with
SIZE = 384  # of them, in pixels


def pack(name: str, content: bytes, folder: Path) -> None:
    """Write bytes as a script `NAME.js` that puts them into `packed`."""
    text = base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
    (folder / f"{name}.js").write_text(f"(globalThis.packed ??= {{}}).{name} = '{text}';\n", encoding="utf-8")


def about(model: RedNet) -> dict:
    """The library's numbers that the page needs, each under the name that `loop.js` has for it."""
    p = model.preset
    stages = len(p.widths)
    return {
        **{name: getattr(p, name) for name in ("size", "maps", "margin", "steps", "sigma")},
        "firstMargin": p.first_margin,
        "form": asdict(p.form),
        "pools": list(range(stages, stages - p.levels, -1)),
        "patch": {"size": PATCH_SIZE, "margin": PATCH_MARGIN},
        "far": FAR,
        "home": HOME,
        "occluder": [*OCCLUDER, 255],
        "shape": landmarks.MEAN_SHAPE.tolist(),
        "outerEyes": landmarks.OUTER_EYES,
        "detector": {
            **{"sides": detector.SIDES, "least": detector.MIN_SCORE, "tight": detector.TIGHT.tolist()},
            **{"stride": detector.STRIDE, "outputs": detector.OUTPUTS[:3], "input": "input.1", "shared": 0.3},
        },
        "tracker": {
            **{"lost": tracker.LOST_CONFIDENCE, "sure": tracker.SURE, "misfit": tracker.MAX_MISFIT},
            **{"inside": tracker.MIN_INSIDE, "growth": tracker.MAX_GROWTH, "still": tracker.STILL},
            **{"same": tracker.SAME_FACE, "every": tracker.CHECK_EVERY, "side": tracker.CHECK_SIDE},
            "unseen": tracker.MAX_UNSEEN,
        },
    }


def face_detector() -> bytes:
    """The detector's file, with inputs of any size; it is written for one size, which OpenCV does not mind."""
    graph = onnx.load(detector.weights_path())
    del graph.graph.input[1:]  # the others are its weights
    for unused in [i for i in graph.graph.initializer if i.name.endswith("num_batches_tracked")]:
        graph.graph.initializer.remove(unused)
    for value in (graph.graph.input[0], *graph.graph.output):
        for i, side in zip((0, 2, 3), ("faces", "height", "width"), strict=True):
            value.type.tensor_type.shape.dim[i].dim_param = f"{value.name}_{side}"
    return graph.SerializeToString()


def widget(model: RedNet) -> Microscope:
    """The microscope as it begins: a photo and synthetic faces with labels, the box disturbed as in notebook 00."""
    photo = astronaut()
    boxes = detector.FaceDetector().detect(photo).boxes
    faces = [still_image(seed, SIZE) for seed in SYNTHETIC]
    shown = microscope(model, [photo, *faces], [boxes[0], *(face.box for face in faces)], shift=0.3, scale=1.3, turn=30)
    listed = [dict(face) for face in shown.setup["faces"]]
    for face, image in zip(listed, [photo, *(face.image for face in faces)], strict=True):
        face["image"] = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()  # as it is
    listed[0]["name"] = "astronaut"
    shown.subjects = [replace(shown.subjects[0], name="astronaut"), *shown.subjects[1:]]
    shown.setup = shown.setup | {"faces": listed}
    return shown


def in_json(value):
    """Bytes, which JSON does not have, as {"base64": text}; and numbers of numpy."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing for JSON")


def write(model: RedNet, modules: Path, folder: Path) -> Microscope:
    """All scripts with data into `folder`; modules: where the npm packages are. Returns the widget."""
    runtime = modules / "onnxruntime-web" / "dist"
    shown = widget(model)
    step = folder / "step.onnx"
    export(model, step)
    pack("step", step.read_bytes(), folder)
    step.unlink()
    pack("detector", face_detector(), folder)
    pack("runtime", (runtime / "ort.wasm.bundle.min.mjs").read_bytes(), folder)
    pack("wasm", (runtime / "ort-wasm-simd-threaded.wasm").read_bytes(), folder)
    pack("microscope", str(shown._esm).encode(), folder)
    pack("setup", json.dumps(shown.setup, default=in_json).encode(), folder)
    (folder / "microscope.css").write_text(str(shown._css), encoding="utf-8")
    (folder / "about.js").write_text(f"const about = {json.dumps(about(model), default=in_json)};\n", encoding="utf-8")
    return shown
