#!/usr/bin/env python3
"""What a plain linear classifier makes of a backbone's features: the least that a trained head must
reach.

    linear_probe.py MODEL DATA [--thaw build/thaw]

DATA holds train/CLASS/* and val/CLASS/*. 'thaw features' writes the features; logistic regression
on standardised features takes its penalty by cross-validation within train/, then judges val/ once.
Prints one JSON object. Needs scikit-learn; see README.md."""
import argparse
import csv
import json
import os
import subprocess
import tempfile
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]  # C: small is strong


def load(thaw, model, folder, classes, options):
    """thaw's features [files, n] of all images below the class folders, and their labels."""
    folders = [os.path.join(folder, name) for name in classes]
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "features.csv")
        subprocess.run([thaw, "features", model, *options, "-o", out, "--", *folders], check=True,
                       stdout=subprocess.DEVNULL)
        with open(out, newline="") as f:
            rows = list(csv.reader(f))[1:]
    labels = [classes.index(os.path.relpath(row[0], folder).split(os.sep)[0]) for row in rows]
    return np.array([row[1:] for row in rows], dtype=np.float32), np.array(labels)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("model")
    p.add_argument("data")
    p.add_argument("--thaw", default="build/thaw")
    p.add_argument("--folds", type=int, default=5)
    p.add_argument("--seed", type=int, default=0, help="of the folds")
    p.add_argument("--option", action="append", default=[], metavar="TEXT",
                   help="passed on to thaw, e.g. --option=--preprocess=tf")
    args = p.parse_args()
    train = os.path.join(args.data, "train")
    classes = sorted(e.name for e in os.scandir(train) if e.is_dir() and not e.name.startswith("."))
    x, labels = load(args.thaw, args.model, train, classes, args.option)
    val_x, val_labels = load(args.thaw, args.model, os.path.join(args.data, "val"), classes,
                             args.option)

    # Weak penalties stop at max_iter, which is a penalty of its own and no fault.
    warnings.simplefilter("ignore", ConvergenceWarning)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        {"logisticregression__C": PENALTIES},
        cv=StratifiedKFold(args.folds, shuffle=True, random_state=args.seed)).fit(x, labels)
    print(json.dumps({
        "model": args.model, "features": x.shape[1], "train": len(x), "val": len(val_x),
        "C": search.best_params_["logisticregression__C"],
        "cross_validation_accuracy": round(float(search.best_score_), 4),
        "val_accuracy": round(float(search.score(val_x, val_labels)), 4)}))


if __name__ == "__main__":
    main()
