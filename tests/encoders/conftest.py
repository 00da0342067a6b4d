"""Tiny networks with random weights: what does not depend on pretraining is tested on them."""

import json

import pytest


@pytest.fixture(scope="session")
def torch():
    """PyTorch on one thread; tests that ask for it skip where it is not installed."""
    module = pytest.importorskip(
        "torch", reason='PyTorch is missing: pip install "priorlift[nets]"'
    )
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def transformers(torch):
    return pytest.importorskip("transformers", reason='pip install "priorlift[text]"')


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory, torch, transformers):
    """Folder of a BERT with three blocks of width 8 and a vocabulary of letters and words."""
    folder = tmp_path_factory.mktemp("tiny_bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "flood", "fire", "the"]
    words += [f"##{letter}" for letter in "abcdefghij"]
    (folder / "vocab.txt").write_text("\n".join(words))
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": 16, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    transformers.BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="session")
def tiny_mobilenet(tmp_path_factory, torch, transformers):
    """Folder of a narrow MobileNetV2 that asks for images of 32 pixels."""
    folder = tmp_path_factory.mktemp("tiny_mobilenet")
    torch.manual_seed(0)
    config = transformers.MobileNetV2Config(depth_multiplier=0.1, image_size=32, tf_padding=True)
    network = transformers.MobileNetV2Model(config).train()
    # Maps of a fresh network fade out from block to block: one pass sets its batch norms.
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.no_grad():
        network(torch.rand(16, 3, 32, 32) * 2 - 1)
    network.save_pretrained(folder, safe_serialization=True)
    settings = {
        "size": {"height": 32, "width": 32},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
