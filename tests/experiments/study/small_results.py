"""Results by hand, as small as runs.py reads them."""
import h5py
import numpy as np
import yaml

LAYERS = [("input", "input"), ("conv1", "conv2d"), ("a_dw", "depthwise"), ("a_pw", "pointwise"), ("b_dw", "depthwise"),
          ("b_pw", "pointwise"), ("logits", "dense")]


def write(folder, net="dws", seed=0, variants=("float32", "minmax-8"), networkwise=None, layerwise=None, channelwise=None,
          network=None, layers=None, channels=1, epochs=None, **config):
    """FOLDER/result.h5; arrays have a row a variant. Every layer has `channels` channels."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = layers or LAYERS
    with h5py.File(folder / "result.h5", "w") as file:
        file.attrs["schema"], file.attrs["seed"] = 1, seed
        file["snapshot"], file["step"] = np.arange(len(variants)), np.zeros(len(variants), int)
        file["epoch"] = np.array(epochs if epochs else [1] * len(variants))
        file["variant"] = np.array([name.encode() for name in variants])
        file["layer"] = np.array([name.encode() for name, _ in layers])
        file["network/kind"] = np.array([kind.encode() for _, kind in layers])
        file["network/channels"] = np.full(len(layers), channels)
        file["network/channel_offset"] = channels * np.arange(len(layers))
        file["config/resolved"] = yaml.safe_dump({"network": {"file": f"/x/{net}.yaml", **(network or {})}, **config})
        file.create_group("provenance").attrs["test_images"] = 400
        for group, arrays in (("networkwise", networkwise), ("layerwise", layerwise), ("channelwise", channelwise)):
            for name, values in (arrays or {}).items():
                file[f"{group}/{name}"] = np.asarray(values, float)
    (folder / "result.h5.sha256").write_text("0123abcd  result.h5\n", encoding="utf-8")
    return folder / "result.h5"
