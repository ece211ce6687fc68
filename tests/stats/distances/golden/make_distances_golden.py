#!/usr/bin/env python3
"""Distances by SciPy of values of trained weights: makes distances_golden.txt.

    make_distances_golden.py RESULT.h5 > distances_golden.txt

RESULT.h5 is a run of the network dws with a snapshot before the first epoch and one of the trained net.
Lines: `values NAME ...` (192 float32 each), then `distances A B WASSERSTEIN KL JS`: the 1-Wasserstein
distance between the values themselves, KL(A || B) in nat and the Jensen-Shannon divergence in bit between
their counts on the 584 log-linear bins, found here by frexp and not by the bits of the float.
"""

import sys

import h5py
import numpy as np
import scipy
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

STEPS, LOWEST, OCTAVES = 8, -24, 36  # bins an octave, exponent of the first one


def bin_of(value):
    """Bin in value order, 0 in the middle: under 2^-24 one bin, then 8 an octave, then overflow."""
    mantissa, exponent = np.frexp(abs(float(value)))  # in [0.5, 1)
    if value == 0:
        return 0
    step = (exponent - 1 - LOWEST) * STEPS + int((2 * mantissa - 1) * STEPS)
    step = min(max(step, -1), OCTAVES * STEPS)
    return int(np.sign(value)) * (step + 2)


def counts(values):
    half = OCTAVES * STEPS + 3
    return np.bincount([bin_of(v) + half for v in values], minlength=2 * half + 1)


def main():
    with h5py.File(sys.argv[1]) as result:
        weight = {(s, n): result[f"weights/{s}/{n}.conv/weight"][:].ravel()[:192]
                  for s in (0, 1) for n in ("sep4_dw", "sep6_pw")}
    stored = {"start": weight[0, "sep4_dw"], "trained": weight[1, "sep4_dw"], "pointwise": weight[1, "sep6_pw"]}
    sets = dict(stored, relu=np.maximum(stored["pointwise"], 0),
                both=np.concatenate([stored["trained"], stored["pointwise"]]))
    print(f"# make_distances_golden.py, SciPy {scipy.__version__}; relu: of pointwise; both: trained, pointwise")
    for name, values in stored.items():
        print("values", name, *(f"{v:.9g}" for v in values))
    for a, x in sets.items():
        for b, y in sets.items():
            p, q = counts(x), counts(y)
            wasserstein = wasserstein_distance(x.astype(float), y.astype(float))
            divergence = jensenshannon(p, q, base=2) ** 2
            print("distances", a, b, *(f"{v:.17g}" for v in (wasserstein, entropy(p, q), divergence)))


if __name__ == "__main__":
    main()
