"""Makes label_metrics.json: figures of several labels at once, from scikit-learn.

    python3 make_label_metrics.py        # needs numpy and scikit-learn
"""
import json
import os

import numpy as np
import sklearn
import sklearn.metrics as sk


def number(x):
    return None if np.isnan(x) else float(x)


def case(name, p, y, thresholds):
    n_labels = y.shape[1]
    said = p >= thresholds
    per = []
    for k in range(n_labels):
        both = 0 < y[:, k].sum() < len(y)
        per.append({
            "auc": number(sk.roc_auc_score(y[:, k], p[:, k]) if both else np.nan),
            "average_precision": number(sk.average_precision_score(y[:, k], p[:, k]) if y[:, k].any() else np.nan),
            "recall": number(sk.recall_score(y[:, k], said[:, k]) if y[:, k].any() else np.nan),
            "specificity": number(sk.recall_score(1 - y[:, k], ~said[:, k]) if not y[:, k].all() else np.nan),
        })
    there = [k for k in range(n_labels) if y[:, k].any()]
    mean = lambda key: number(np.mean([c[key] for c in per if c[key] is not None]))
    return {
        "name": name, "labels": n_labels, "targets": y.ravel().tolist(), "probabilities": p.ravel().tolist(),
        "thresholds": thresholds.tolist(), "per_label": per,
        "mean_auc": mean("auc"), "mean_average_precision": mean("average_precision"),
        "macro_f1": float(sk.f1_score(y[:, there], said[:, there], average="macro")),
        "micro_f1": float(sk.f1_score(y, said, average="micro")),
        "accuracy": float(1 - sk.hamming_loss(y, said)), "exact": float(sk.accuracy_score(y, said)),
        "loss": float(np.mean([sk.log_loss(y[:, k], p[:, k], labels=[0, 1]) for k in range(n_labels)])),
    }


rng = np.random.default_rng(11)


def draw(n, k, share, grain):
    """Probabilities are multiples of 1/grain: few of them give many ties."""
    y = (rng.random((n, k)) < share).astype(int)
    p = np.clip(np.round(grain * (0.35 * y + rng.random((n, k)) * 0.6)), 1, grain - 1) / grain
    return p, y


cases = []
p, y = draw(60, 4, 0.3, 1024)
cases.append(case("four labels", p, y, np.array([0.5, 0.25, 0.75, 0.5])))
p, y = draw(50, 3, 0.5, 8)
cases.append(case("many ties", p, y, np.array([0.5, 0.5, 0.625])))
p, y = draw(30, 3, 0.2, 256)
y[:, 1], y[:, 2] = 0, 1
cases.append(case("a label of no image, and one of all", p, y, np.array([0.5, 0.5, 0.5])))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "label_metrics.json")
with open(path, "w") as f:
    json.dump({"made_by": f"scikit-learn {sklearn.__version__}", "cases": cases}, f, separators=(",", ":"))
    f.write("\n")
