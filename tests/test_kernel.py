"""The classifier alone: one factorisation must predict as two would; what is stored comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.brain.classifier import KernelClassifier
from bot.brain.kernel import Features, KernelRidge, Seen, Shape, compared
from bot.brain.ngrams import characters, tidy

WORDS = {
    "waste": "bin rubbish waste collect empty full container lorry".split(),
    "road": "pothole road asphalt hole street car wheel broken".split(),
    "parking": "parking permit park visitor card zone pay fine".split(),
}
TEXTS, LABELS = [], []
for _label, _words in WORDS.items():
    for _i in range(30):
        TEXTS.append(f"my {_words[_i % 8]} {_words[(_i * 3 + 1) % 8]} is {_words[(_i * 5) % 8]}")
        LABELS.append(_label)
ORDER = np.random.default_rng(3).permutation(len(TEXTS))
TEXTS, LABELS = [TEXTS[i] for i in ORDER], [LABELS[i] for i in ORDER]
VECTORS = np.random.default_rng(4).normal(size=(len(TEXTS), 16)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


def seen_by(model: KernelClassifier, texts: list[str]) -> Seen:
    """The texts as the model compares them, with any vectors."""
    return model.features.see(texts, VECTORS[: len(texts)], np.zeros(len(texts), np.float32))


@pytest.fixture
def fitted() -> KernelClassifier:
    model = KernelClassifier(Shape(dense=(1.0, 1.0), most=1.0))
    model.fit(TEXTS, VECTORS, LABELS)
    return model


def test_texts_of_a_label_are_told_apart(fitted: KernelClassifier) -> None:
    found = fitted.shares(seen_by(fitted, ["the rubbish lorry", "a pothole"]))
    assert [fitted.labels[i] for i in found.argmax(axis=1)] == ["waste", "road"]
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_one_factorisation_predicts_left_out_texts_as_a_model_without_them_would() -> None:
    out = np.arange(len(TEXTS)) % 5 == 0
    shape = Shape(dense=(1.0, 1.0), least=1, most=1.0)
    left = KernelClassifier(shape).fit(TEXTS, VECTORS, LABELS, out=out)
    # The same by hand: a ridge regression on the other texts alone, over the same n-grams.
    whole = KernelClassifier(shape)
    whole.fit(TEXTS, VECTORS, LABELS, out=out)
    seen = whole.features.see(TEXTS, VECTORS, np.zeros(len(TEXTS), np.float32))
    kernel = compared(seen, seen, shape.gamma)
    counts = {x: LABELS.count(x) for x in LABELS}
    weight = np.sqrt([len(TEXTS) / 3 / counts[x] for x in LABELS])
    target = np.full((len(TEXTS), 3), -1 / 3)
    target[np.arange(len(TEXTS)), np.searchsorted(whole.labels, LABELS)] = 1
    inside = kernel[np.ix_(~out, ~out)] + np.diag(shape.ridge / weight[~out])
    scores = kernel[np.ix_(out, ~out)] @ np.linalg.solve(inside, target[~out])
    z = np.exp(scores * whole.scale)
    assert list(left.rows) == list(np.flatnonzero(out))
    assert np.allclose(left.probabilities, z / z.sum(axis=1, keepdims=True), atol=2e-3)


def test_what_is_stored_comes_back(fitted: KernelClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = KernelClassifier.load(tmp_path)
    asked = ["my bin is full", "parking card", "zzz"]
    before = fitted.shares(seen_by(fitted, asked))
    after = again.shares(seen_by(again, asked))
    assert again.labels == fitted.labels
    assert np.allclose(before, after, atol=0.02)
    assert not list(tmp_path.glob("*.pkl"))


def test_a_text_without_label_teaches_only_the_alarm() -> None:
    alarming = np.array([label == "road" for label in LABELS], np.int8)
    extra = [*TEXTS, "the road is closed", "asphalt works on the road", "a wheel clamp"]
    labels = [*LABELS, "", "", ""]
    model = KernelClassifier(Shape(dense=(1.0, 1.0), most=1.0))
    vectors = np.vstack([VECTORS, VECTORS[:3]])
    model.fit(extra, vectors, labels, alarming=np.append(alarming, np.zeros(3, np.int8)))
    assert model.labels == sorted(WORDS)
    alarm = model.alarms(seen_by(model, ["pothole in the street", "rubbish bin"]))
    assert alarm[0] > 0.5 > alarm[1]


def test_in_a_foreign_language_the_vector_counts_for_less() -> None:
    weights = Shape().weights(np.array([0.0, 0.5, 1.0], np.float32))
    assert weights[0, 2] > weights[1, 2] > weights[2, 2]
    assert weights[0, 0] < weights[1, 0] < weights[2, 0]


def test_a_huge_message_is_cut_and_an_odd_one_is_read(fitted: KernelClassifier) -> None:
    texts = [tidy("bin " * 100_000), tidy("\u0000\ud83d\ude00 \u202e"), tidy("")]
    assert len(texts[0]) <= 600
    found = fitted.shares(seen_by(fitted, texts))
    assert np.isfinite(found).all()


def test_n_grams_are_seen_as_scikit_learn_sees_them() -> None:
    grams = characters(2)
    grams.fit(TEXTS)
    asked = ["the the rubbish", "pothole", "Ünïcode, (bin)!", "", "zzzz qqqq"]
    expected = grams._vectoriser.transform(asked)
    for text, row in zip(asked, expected.toarray()):
        places, weights = grams.see(text)
        assert np.allclose(row[places], weights, atol=1e-6)
        assert np.count_nonzero(row) == len(places)


def test_leaving_each_text_out_in_one_step_is_the_same_as_training_without_it() -> None:
    shape = Shape(dense=(1.0, 1.0), least=1, most=1.0)
    features = Features(shape)
    seen = features.fit(TEXTS, VECTORS, np.zeros(len(TEXTS), np.float32))
    wanted = np.where(np.array(LABELS) == "road", 1.0, -1.0).astype(np.float32)[:, None]
    ridge = np.full(len(TEXTS), 0.05, np.float32)
    each = KernelRidge(shape.gamma).fit(seen, wanted, ridge).each()
    kernel = compared(seen, seen, shape.gamma) + np.diag(ridge)
    for i in (0, 7, len(TEXTS) - 1):
        others = np.arange(len(TEXTS)) != i
        alpha = np.linalg.solve(kernel[np.ix_(others, others)], wanted[others])
        assert np.allclose(kernel[i, others] @ alpha, each[i], atol=2e-3)
