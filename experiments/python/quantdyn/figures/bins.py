"""Histograms on edges of any kind: cells merged for drawing, positions on a symmetric-log axis, quantiles."""
import numpy as np


class SymmetricLog:
    """Position of a value: octaves from the centre, by sign; everything with |x| < 2^lowest lies in [-1, 1].

    The centre is one octave wide on each side, so that zero has a place.
    """

    def __init__(self, lowest, highest):
        self.lowest, self.highest = int(lowest), int(highest)
        self.end = self.highest - self.lowest + 1

    def __call__(self, values):
        values = np.asarray(values, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            octaves = np.log2(np.abs(values)) - self.lowest + 1
        inside = np.abs(values) / 2.0**self.lowest
        position = np.sign(values) * np.where(np.abs(values) < 2.0**self.lowest, inside, octaves)
        return np.clip(position, -self.end, self.end)

    def ticks(self, count):
        """About `count` ticks per side, at powers of 2: (positions, texts), zero among them."""
        step = max(1, int(np.ceil((self.highest - self.lowest + 1) / count)))
        exponents = np.arange(self.highest, self.lowest - 1, -step)[::-1]
        positions = [-(e - self.lowest + 1) for e in exponents[::-1]] + [0] + [e - self.lowest + 1 for e in exponents]
        names = [power(exponent) for exponent in exponents]
        return positions, [f"\N{MINUS SIGN}{name}" for name in names[::-1]] + ["0"] + names


def power(exponent):
    """A tick at a power of 2."""
    return f"2$^{{{int(exponent)}}}$"


def midpoints(lower, upper):
    """A value inside each bin [bin]; the end that is finite where the other is not, NaN in the bin of NaN."""
    with np.errstate(invalid="ignore"):
        middle = lower / 2 + upper / 2
    middle = np.where(np.isinf(lower) & np.isfinite(upper), upper, middle)
    return np.where(np.isinf(upper) & np.isfinite(lower), lower, middle)


def octave_ends(lower, upper, counts, tail=0.005):
    """(lowest, highest) exponents of 2 between which all of |x| lies but a share `tail` of the smallest, not zero.

    None where nothing but zero, NaN or infinity was counted.
    """
    middle = np.abs(midpoints(lower, upper))
    used = (counts > 0) & np.isfinite(middle) & (middle > 0)
    if not used.any():
        return None
    order = np.argsort(middle[used], kind="stable")
    shares = np.cumsum(counts[used][order] / counts[used].sum())
    smallest = middle[used][order][np.searchsorted(shares, tail, side="right").clip(0, len(shares) - 1)]
    return int(np.floor(np.log2(smallest))), int(np.floor(np.log2(middle[used].max()))) + 1


def share_per_octave(lower, upper, counts, axis, parts):
    """Shares of all finite values in cells, `parts` equal ones an octave, by the cells' width in octaves.

    Returns (cell ends on the axis [cell + 1], share per octave [cell]); the centre [-1, 1] is one cell and holds zero.
    """
    inside = np.log2(1 + np.arange(parts) / parts)
    side = np.concatenate([np.add.outer(np.arange(1, axis.end), inside).ravel(), [axis.end]])
    ends = np.concatenate([-side[::-1], side])
    middle = midpoints(lower, upper)
    finite = np.isfinite(middle)
    shares, _ = np.histogram(axis(middle[finite]), bins=ends, weights=counts[finite].astype(np.float64))
    total = shares.sum()
    return ends, shares / (total if total > 0 else np.nan) / np.diff(ends)


def quantiles(lower, upper, counts, fractions):
    """Values at fractions of the finite values, by linear interpolation inside the bin that holds each; NaN if empty.

    The value that numpy would give lies in the same bin or beside it.
    """
    finite = np.isfinite(lower) & np.isfinite(upper) & (counts > 0)
    if not finite.any():
        return np.full(len(fractions), np.nan)
    low, high, many = lower[finite], upper[finite], counts[finite].astype(np.float64)
    before = np.concatenate([[0.0], np.cumsum(many)])
    rank = np.asarray(fractions) * before[-1]
    bin_of = np.clip(np.searchsorted(before, rank, side="right") - 1, 0, len(many) - 1)
    return low[bin_of] + (high - low)[bin_of] * (rank - before[bin_of]) / many[bin_of]


def merge(lower, upper, counts, parts, tail=0.005):
    """The cells that a layer's bins are merged into for a page: indices of their first bins, and one past the last.

    counts [bin] of the layer. Bins outside of what is in use are left out, bins of less than the share `tail` nearest
    to zero form one cell a side, and the others join to `parts` equal ones an octave; zero stays alone.
    """
    used = np.flatnonzero(counts)
    finite = [index for index in used if np.isfinite(lower[index]) or np.isfinite(upper[index])]
    if not finite:
        return np.array([], dtype=np.int64)
    ends = octave_ends(lower, upper, counts, tail)
    axis = SymmetricLog(*ends) if ends else SymmetricLog(0, 1)
    middle = midpoints(lower, upper)
    sign, position = np.sign(middle), np.abs(axis(middle))
    inside = 2.0 ** (position % 1) - 1  # the share of its octave below a value
    cell = sign * np.where(position < 1, 1, 2 + parts * np.floor(position) + np.floor(parts * inside))
    starts = [finite[0]]
    for index in range(finite[0] + 1, finite[-1] + 1):
        if cell[index] != cell[index - 1]:
            starts.append(index)
    return np.array(starts + [finite[-1] + 1], dtype=np.int64)
