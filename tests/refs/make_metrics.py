#!/usr/bin/env python3
"""Writes metrics.json: classifications with the figures that scikit-learn gives for them.

Run with Python, numpy and scikit-learn; "made_by" in the file tells which.
The probabilities are multiples of 1/64, so that ties are common and every value is exact in float.
"""
import json
import os

import numpy as np
import sklearn
from sklearn import metrics as sk

BINS = 15


def ece(p, y):
    """Guo et al. 2017: equal bins of the top probability."""
    top, hit = p.max(1), p.argmax(1) == y
    which = np.minimum((top * BINS).astype(int), BINS - 1)
    return sum(abs(hit[which == b].mean() - top[which == b].mean()) * (which == b).mean()
               for b in range(BINS) if (which == b).any())


def case(name, p, y):
    n_classes = p.shape[1]
    labels = list(range(n_classes))
    pred = p.argmax(1)
    confusion = sk.confusion_matrix(y, pred, labels=labels)
    support = confusion.sum(1)
    per = []
    for k in labels:
        true, guess = y == k, pred == k
        negatives = (~true).sum()
        per.append({
            "support": int(support[k]),
            "precision": float(sk.precision_score(true, guess)) if guess.any() else None,
            "recall": float(sk.recall_score(true, guess)) if true.any() else None,
            "specificity": float((~guess & ~true).sum() / negatives) if negatives else None,
            "f1": float(sk.f1_score(true, guess)) if true.any() or guess.any() else None,
            "auc": float(sk.roc_auc_score(true, p[:, k])) if true.any() and negatives else None,
        })
    there = [k for k in labels if support[k]]
    aucs = [c["auc"] for c in per if c["auc"] is not None]
    return {
        "name": name, "classes": n_classes, "labels": y.tolist(), "probabilities": p.ravel().tolist(),
        "accuracy": float(sk.accuracy_score(y, pred)),
        "balanced_accuracy": float(np.mean([per[k]["recall"] for k in there])),
        "macro_f1": float(sk.f1_score(y, pred, labels=there, average="macro")),
        "auc": float(np.mean(aucs)) if aucs else None,
        "loss": float(sk.log_loss(y, p, labels=labels)),
        "ece": float(ece(p, y)), "per_class": per, "confusion": confusion.tolist(),
    }


def draw(rng, n, k, skill):
    """Rows of multiples of 1/64 that sum to 1, none of them 0."""
    y = rng.integers(0, k, n)
    p = np.ones((n, k))
    for i in range(n):
        weight = np.ones(k)
        weight[y[i]] += skill
        p[i] += rng.multinomial(64 - k, weight / weight.sum())
    return p / 64, y


rng = np.random.default_rng(7)
cases = []
for name, n, k, skill in [("four classes", 60, 4, 2.0), ("two classes, many ties", 40, 2, 0.5),
                          ("ten classes, few images", 25, 10, 3.0)]:
    cases.append(case(name, *draw(rng, n, k, skill)))
p, y = draw(rng, 30, 4, 2.0)
y[y == 2] = 1
cases.append(case("a class without images", p, y))
p, y = draw(rng, 20, 3, 1.0)
p[:, 2], p[:, 0] = 1 / 64, p[:, 0] + p[:, 2] - 1 / 64
cases.append(case("a class never predicted", p, y))
p, y = draw(rng, 12, 3, 1.0)
cases.append(case("one class only", p, np.zeros(12, int)))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(path, "w") as f:
    json.dump({"made_by": f"scikit-learn {sklearn.__version__}", "cases": cases}, f, separators=(",", ":"))
    f.write("\n")
