"""Numbers that both sides compute from positions, so that none are stored."""
import numpy as np


def values(count, stream):
    """Uniform in [0, 1): a hash of the position and the stream, as layer_case_value of tests/layer_case.c."""
    with np.errstate(over="ignore"):
        u = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(stream * 40503 + 1)
        u ^= u >> np.uint32(15)
        u *= np.uint32(0x2C1B3C6D)
        u ^= u >> np.uint32(12)
        u *= np.uint32(0x297A2D39)
        u ^= u >> np.uint32(15)
    return ((u >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)).astype(np.float32)
