"""A pack is a row of entries: one line "NAME SIZE_A SIZE_B NUMBER...", then SIZE_A and SIZE_B bytes
(tests/pack.h reads it)."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))


class Pack:
    def __init__(self, name):
        self.path, self.parts = os.path.join(HERE, name), []

    def add(self, name, a, b, *numbers):
        line = " ".join(str(x) for x in (name, len(a), len(b)) + numbers)
        self.parts += [line.encode() + b"\n", a, b]

    def add_picture(self, name, data, want, frame=0, shown=0, inverted=0, window=(0, 0), tolerance=0):
        """A file and the samples it must give: uint8, uint16 or float32 of [H,W] or [H,W,C]."""
        want = want[:, :, None] if want.ndim == 2 else want
        depth = {"uint8": 8, "uint16": 16, "float32": 32}[str(want.dtype)]
        self.add(name, data, want.astype({8: "u1", 16: "<u2", 32: "<f4"}[depth]).tobytes(), want.shape[1],
                 want.shape[0], want.shape[2], depth, frame, shown, inverted, *window, tolerance)

    def write(self):
        with open(self.path, "wb") as f:
            f.write(b"".join(self.parts))
        print(self.path, os.path.getsize(self.path))
