"""The network as ONNX computes what the library does, in every step and with parts switched off."""

import numpy as np
import pytest
import torch
from unit.made_steps import small

from redn_lib.widgets.disturbed_loop import open_step

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason="not installed: pip install -c constraints.txt -e '.[site]'")


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def session(model, tmp_path_factory):
    import onnxruntime
    from export import export

    path = tmp_path_factory.mktemp("export") / "step.onnx"
    export(model, path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("features", [True, False])
@pytest.mark.parametrize("step", [0, 1, 4])
def test_a_step_is_the_librarys(model, session, step, memory, features):
    p, made = model.preset, torch.Generator().manual_seed(step)
    frame = torch.rand(1, 3, p.size, p.size, generator=made)
    z = torch.rand(1, *p.form.z_shape(p.size, p.maps), generator=made)
    feeds = {"frame": frame.numpy(), "z": z.numpy(), "step": np.array([step])}
    feeds |= {"memory": np.float32([memory]), "features": np.float32([features])}
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, feeds), strict=True))
    with torch.inference_mode():
        wanted = open_step(model, frame, z, step, memory, features)
    expected = {"regression": wanted.regression, "detection": wanted.detection}
    for s, held in wanted.held.items():
        expected |= {f"before_{s + 1}": wanted.before[s], f"indices_{s + 1}": wanted.where[s]}
        expected |= {f"held_{s + 1}": held, f"back_{s + 1}": wanted.back[s]}
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values.numpy(), rtol=1e-5, atol=1e-3, err_msg=name)
