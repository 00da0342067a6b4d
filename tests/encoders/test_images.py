"""Images in any form are the same image; features are those of the network; blocks weigh alike."""

import numpy as np
import pytest

from priorlift.core.errors import InputError, InputTypeError
from priorlift.encoders import ImageEncoder
from priorlift.encoders.images import rgb
from priorlift.testing import EncoderConformance

DRAWS = np.random.default_rng(0)
IMAGES = DRAWS.integers(0, 256, size=(6, 32, 32, 3), dtype=np.uint8)


class TestConformance(EncoderConformance):
    layers = "last"

    @pytest.fixture(autouse=True)
    def folder(self, tiny_mobilenet):
        self.path = tiny_mobilenet

    def make_encoder(self):
        return ImageEncoder(self.path, layers=self.layers, device="cpu")

    def make_inputs(self):
        return IMAGES.copy()

    def make_missing(self):
        return np.full((2, 32, 32), np.nan)


class TestAllLayersOfImagesOfDifferentSizes(TestConformance):
    layers = "all"

    def make_inputs(self):
        return [image[: 20 + 2 * row] for row, image in enumerate(IMAGES)]


def test_the_last_map_is_averaged_over_positions(torch, transformers, tiny_mobilenet):
    network = transformers.AutoModel.from_pretrained(tiny_mobilenet).eval()
    pixels = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    with torch.no_grad():
        expected = network(pixels.float()).pooler_output.numpy()
    found = ImageEncoder(tiny_mobilenet).transform(IMAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=5e-4)


def test_similarities_of_all_layers_are_the_mean_of_the_blocks(torch, transformers, tiny_mobilenet):
    network = transformers.AutoModel.from_pretrained(tiny_mobilenet).eval()
    pixels = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    with torch.no_grad():
        outputs = network(pixels.float(), output_hidden_states=True)
    maps = [*outputs.hidden_states, outputs.last_hidden_state]
    pooled = [m.mean(dim=(2, 3)).numpy() for m in maps]
    unit = [p / np.linalg.norm(p, axis=1, keepdims=True) for p in pooled]
    expected = np.mean([u @ u.T for u in unit], axis=0)
    found = ImageEncoder(tiny_mobilenet, layers="all").transform(IMAGES)
    assert found.shape[1] == sum(p.shape[1] for p in pooled)
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-4)


def test_bytes_and_floats_grey_and_rgb_are_alike(tiny_mobilenet):
    encoder = ImageEncoder(tiny_mobilenet)
    expected = encoder.transform(IMAGES)
    np.testing.assert_allclose(encoder.transform(IMAGES / 255.0), expected, rtol=1e-3, atol=5e-4)
    grey = IMAGES[..., 0]
    threefold = encoder.transform(np.repeat(grey[..., None], 3, axis=3))
    for X in (grey, grey[..., None], list(grey)):
        np.testing.assert_array_equal(encoder.transform(X), threefold)


def test_images_are_resized_to_what_is_asked_for(tiny_mobilenet):
    flat = np.full((1, 50, 70), 128, dtype=np.uint8)
    same = ImageEncoder(tiny_mobilenet).transform(flat)
    unscaled = ImageEncoder(tiny_mobilenet).transform(flat[:, :32, :32])
    np.testing.assert_allclose(same, unscaled, rtol=1e-3, atol=1e-4)
    small = ImageEncoder(tiny_mobilenet, size=16)
    assert small.transform(IMAGES).shape == ImageEncoder(tiny_mobilenet).transform(IMAGES).shape
    assert small.fingerprint != ImageEncoder(tiny_mobilenet).fingerprint


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (np.ones(3), InputTypeError, "row 5: an image of shape"),
        (np.ones((2, 2, 4)), InputTypeError, "an image of shape"),
        (np.ones((0, 2)), InputTypeError, "an image of shape"),
        (np.array([["a"]]), InputTypeError, "pixels are"),
        (np.array([[0.0, 200.0]]), InputError, "not all from 0 to 1"),
        (np.array([[-1]]), InputError, "not all from 0 to 255"),
        (np.array([[0.1, np.nan]]), InputError, "not all from 0 to 1"),
    ],
)
def test_what_is_no_image_is_refused_with_its_row(image, error, said):
    with pytest.raises(error, match=said):
        rgb(image, 5)


def test_settings_are_checked(tiny_mobilenet):
    with pytest.raises(InputError, match="layers is 'mean'"):
        ImageEncoder(tiny_mobilenet, layers="mean").transform(IMAGES)
    with pytest.raises(InputError, match="size is 0"):
        ImageEncoder(tiny_mobilenet, size=0).transform(IMAGES)
    with pytest.raises(InputError, match="batch_size is 0"):
        ImageEncoder(tiny_mobilenet, batch_size=0).transform(IMAGES)


def test_a_file_that_lacks_weights_is_refused(tiny_mobilenet, tmp_path):
    from safetensors.numpy import load_file, save_file

    weights = load_file(tiny_mobilenet / "model.safetensors")
    weights.pop(next(name for name in weights if name.startswith("layer.3")))
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_bytes((tiny_mobilenet / "config.json").read_bytes())
    with pytest.raises(InputError, match=r"lacks 1 weights: layer\.3"):
        ImageEncoder(tmp_path).transform(IMAGES)


@pytest.mark.data
@pytest.mark.parametrize("name", ["imagenet", "inat_bird", "inat_insect"])
def test_published_weights(data_dir, torch, name):
    encoder = ImageEncoder(data_dir / "weights" / f"mobilenetv2_100_{name}", size=64)
    features = encoder.transform(IMAGES[:2])
    assert features.shape == (2, 1280)
    assert features.std() > 0.01
