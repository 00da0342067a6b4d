"""A user's module gives the features of any of its layers; weights that do not fit are refused."""

import numpy as np
import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.encoders import ModuleEncoder
from priorlift.testing import EncoderConformance

torch = pytest.importorskip("torch", reason='PyTorch is missing: pip install "priorlift[nets]"')
torch.set_num_threads(1)
nn = torch.nn

IMAGES = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype(np.float32)


class Block(nn.Module):
    """Two convolutions and a shortcut that samples every second pixel and pads channels."""

    def __init__(self, width_in, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        extra = out.shape[1] - x.shape[1]
        same = x[:, :, :: self.stride, :: self.stride]
        same = nn.functional.pad(same, (0, 0, 0, 0, extra // 2, extra // 2))
        return torch.relu(out + same)


class ResNet(nn.Module):
    """The CIFAR ResNet of He et al. (2016) with 6 x depth + 2 layers."""

    def __init__(self, depth, widths=(16, 32, 64), n_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        before = (widths[0], *widths)
        for number in (1, 2, 3):
            first = Block(before[number - 1], widths[number - 1], 1 if number == 1 else 2)
            rest = [Block(widths[number - 1], widths[number - 1], 1) for _ in range(depth - 1)]
            setattr(self, f"layer{number}", nn.Sequential(first, *rest))
        self.linear = nn.Linear(widths[2], n_classes)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        return self.linear(out.mean(dim=(2, 3)))


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(1, 1)
        self.inner = nn.Identity()

    def forward(self, x):
        return self.inner((x, None))[0].sum(dim=(1, 2))


def small(seed=0):
    torch.manual_seed(seed)
    return ResNet(1, (4, 6, 8))


def halved(batch):
    return batch / 2


def saved(module, path, prefix=""):
    from safetensors.torch import save_file

    save_file({prefix + n: t.contiguous() for n, t in module.state_dict().items()}, path)
    return path


class TestConformance(EncoderConformance):
    def make_encoder(self):
        return ModuleEncoder(small(), layer="layer3", device="cpu")

    def make_inputs(self):
        return IMAGES.copy()

    def make_missing(self):
        return np.full((2, 3, 8, 8), np.nan, dtype=np.float32)


def test_a_layer_is_averaged_over_positions_in_evaluation_mode():
    module = small().train()
    found = ModuleEncoder(module, layer="layer2").transform(IMAGES)
    module.eval()
    with torch.no_grad():
        x = torch.relu(module.bn1(module.conv1(torch.from_numpy(IMAGES))))
        expected = module.layer2(module.layer1(x)).mean(dim=(2, 3)).numpy()
        logits = module(torch.from_numpy(IMAGES)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ModuleEncoder(module).transform(IMAGES), logits, rtol=1e-5)
    flat = ModuleEncoder(module, layer="layer2", pooling="flatten").transform(IMAGES)
    np.testing.assert_allclose(flat.reshape(6, 6, -1).mean(axis=2), expected, rtol=1e-5, atol=1e-6)


def test_tokens_are_averaged_and_tuples_are_opened():
    X = np.arange(24.0).reshape(2, 3, 4)
    found = ModuleEncoder(Tokens(), layer="inner", pooling="tokens").transform(X)
    np.testing.assert_allclose(found, X.mean(axis=1))


def test_the_module_is_left_as_it_was():
    module = small().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    ModuleEncoder(module, layer="layer1").transform(IMAGES)
    assert module.training
    assert not module.layer1._forward_hooks
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_come_from_the_file(tmp_path, prefix):
    path = saved(small(1), tmp_path / "w.safetensors", prefix)
    found = ModuleEncoder(small(0), path, layer="layer3")
    expected = ModuleEncoder(small(1), layer="layer3")
    np.testing.assert_array_equal(found.transform(IMAGES), expected.transform(IMAGES))
    assert found.fingerprint == expected.fingerprint
    assert found.fingerprint != ModuleEncoder(small(0), layer="layer3").fingerprint


def test_training_the_module_changes_features_and_fingerprint():
    module = small()
    encoder = ModuleEncoder(module, layer="layer1")
    first, features = encoder.fingerprint, encoder.transform(IMAGES)
    with torch.no_grad():
        module.bn1.bias += 1
    assert encoder.fingerprint != first
    assert not np.array_equal(encoder.transform(IMAGES), features)


def test_preprocessing_counts():
    plain, half = ModuleEncoder(small()), ModuleEncoder(small(), preprocess=halved)
    np.testing.assert_array_equal(half.transform(IMAGES), plain.transform(IMAGES / 2))
    assert half.fingerprint != plain.fingerprint
    with pytest.raises(InputError, match="cannot be described by its content"):
        _ = ModuleEncoder(small(), preprocess=lambda batch: batch).fingerprint


def test_layers_that_do_not_serve_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'layer3'"):
        ModuleEncoder(small(), layer="layer_3").transform(IMAGES)
    with pytest.raises(InputError, match="does not call this layer"):
        ModuleEncoder(Tokens(), layer="unused").transform(IMAGES)
    with pytest.raises(InputError, match=r"gives \(6,\) for 6 inputs"):
        ModuleEncoder(Tokens()).transform(IMAGES[:, 0])
    with pytest.raises(InputError, match="pooling is 'max'"):
        ModuleEncoder(small(), pooling="max").transform(IMAGES)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (lambda: ResNet(1, (4, 6, 8), 3), "misshapen weights: linear"),
        (lambda: ResNet(2, (4, 6, 8)), "lacks weights: layer1.1"),
    ],
)
def test_weights_of_another_architecture_are_refused(tmp_path, module, said):
    path = saved(small(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=said):
        ModuleEncoder(module(), path).transform(IMAGES)
    with pytest.raises(InputError, match=r"unknown weights: layer1\.1"):
        ModuleEncoder(small(), saved(ResNet(2, (4, 6, 8)), path)).transform(IMAGES)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match="no such file"):
        ModuleEncoder(small(), path).transform(IMAGES)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(InputError, match="is no safetensors file"):
        ModuleEncoder(small(), path).transform(IMAGES)


@pytest.mark.data
def test_published_weights(data_dir):
    path = data_dir / "weights" / "resnet20_cifar10.safetensors"
    X = np.random.default_rng(0).normal(size=(2, 3, 32, 32))
    features = ModuleEncoder(ResNet(3), path, layer="layer3").transform(X)
    assert features.shape == (2, 64)
    assert features.min() >= 0
    assert features.max() > 0
