"""The program under test, run by scripts that compare its answers with others'."""
import csv
import os
import subprocess

import numpy as np


def distance(a, b):
    """max|a-b| / max|b|"""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError("shapes %s and %s" % (a.shape, b.shape))
    return abs(a - b).max() / max(abs(b).max(), 1e-30)


class Thaw:
    """`program`, with its files in `folder`; every computation gets `options`."""

    def __init__(self, program, folder, *options):
        self.program, self.folder, self.options = program, folder, options

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *args):
        done = subprocess.run([self.program, *args], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1][:300])
        return done.stdout

    def features(self, model, x, *options):
        self.run("features", model, "--tensor", x, "-o", self.path("features.npy"), *self.options, *options)
        return np.load(self.path("features.npy"))

    def answers(self, model, x, *options):
        self.run("predict", model, "--tensor", x, "--csv", self.path("answers.csv"), *self.options, *options)
        with open(self.path("answers.csv"), newline="") as f:
            return [[float(v) for v in row[2:]] for row in list(csv.reader(f))[1:]]

    def export(self, model, *options):
        self.run("export", model, "-o", self.path("export.h5"), *options)
        return self.path("export.h5")
