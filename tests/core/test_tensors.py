"""Arrays of a model stand apart in its file, and come back as they were."""

import copy
import json
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load as read_tensors
from sklearn.linear_model import LinearRegression

from priorlift.core.errors import InputError
from priorlift.core.persistence import load, read_card, save
from priorlift.core.tensors import Tensors
from priorlift.networks.fitted import FittedNetwork
from priorlift.networks.modules import Layout

ARRAYS = {"layer.weight": np.arange(6.0, dtype=np.float32).reshape(2, 3), "layer.bias": np.ones(2)}


def model(parts=1):
    holder = LinearRegression().fit(np.eye(2), [0, 1])
    holder.networks_ = [
        FittedNetwork(
            Layout(3, (), 2, 1, 2),
            Tensors({name: value + place for name, value in ARRAYS.items()}),
            np.array([0, 1]),
        )
        for place in range(parts)
    ]
    return holder


def equal(found, expected):
    assert found.arrays.keys() == expected.arrays.keys()
    for name, value in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], value)


def test_copies_and_pickles_are_whole():
    for again in (copy.deepcopy(Tensors(ARRAYS)), pickle.loads(pickle.dumps(Tensors(ARRAYS)))):
        equal(again, Tensors(ARRAYS))


@pytest.mark.parametrize("parts", [1, 3])
def test_a_saved_model_has_its_tensors_apart(tmp_path, parts):
    file = save(model(parts), tmp_path / "m.priorlift")
    with zipfile.ZipFile(file) as archive:
        assert set(archive.namelist()) == {"card.json", "model.skops", "tensors.safetensors"}
        assert len(read_tensors(archive.read("tensors.safetensors"))) == 2 * parts
    assert read_card(file)["format"] == 2
    loaded = load(file)
    for found, expected in zip(loaded.networks_, model(parts).networks_, strict=True):
        equal(found.tensors, expected.tensors)


def test_a_model_without_tensors_keeps_the_older_format(tmp_path):
    file = save(LinearRegression().fit(np.eye(2), [0, 1]), tmp_path / "m.priorlift")
    assert read_card(file)["format"] == 1


@pytest.mark.parametrize("change", ["lacking", "junk", "none", "wrong format"])
def test_a_file_whose_tensors_are_damaged_is_refused(tmp_path, change):
    from safetensors.numpy import save as tensor_bytes

    file = save(model(), tmp_path / "m.priorlift")
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    if change == "lacking":
        content["tensors.safetensors"] = tensor_bytes({"0/layer.bias": np.ones(2)})
    elif change == "junk":
        content["tensors.safetensors"] = b"junk"
    elif change == "none":
        del content["tensors.safetensors"]
    else:
        card = json.loads(content["card.json"]) | {"format": 1}
        content["card.json"] = json.dumps(card).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    with pytest.raises(InputError):
        load(file)
