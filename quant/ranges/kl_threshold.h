// How many bins of a histogram to keep, by the divergence between what is kept and its coarse
// image.
#pragma once

#include <cstdint>
#include <span>

namespace quantdyn {

/// TensorRT's entropy calibration (Migacz 2017, "8-bit inference with TensorRT", GTC S7310): of a
/// histogram of magnitudes how many bins are kept, from `levels` to all. For i bins:
///
///   P: the first i counts, and in the last of them all that lie beyond;
///   Q: the first i counts without those beyond, as `levels` groups: bin j belongs to group
///      floor(j levels / i), whose sum is shared out evenly to its bins that are not empty;
///   divergence: sum P log(P / Q) over bins with P > 0, P and Q divided by their sums; infinite
///      where Q is 0 there (the last bin is empty, but something lies beyond).
///
/// The i of the least divergence; of equal ones the largest. All where levels are as many as bins.
int64_t tensorrt_bins(std::span<const uint64_t> magnitudes, int64_t levels);

/// The first and the last bin of a window about the middle of a histogram of values.
struct KeptBins {
  int64_t first, last;
};

/// onnxruntime's EntropyCalibrater (1.32; after MXNet's): for i = levels / 2 to half the bins the
/// window of bins from middle - i to middle + i (one fewer at the end of an even number of bins):
///
///   P: the window's counts, and in its first and last bin all that lie beyond on that side;
///   Q: the window's counts without those beyond, as `levels` groups of floor(size / levels) bins
///      each; what is left over counts for the last group. A group's sum is shared out over its
///      bins where P is not 0, and to all of its bins, in whole numbers rounded down; the bins left
///      over get 0;
///   both smoothed: zeros become 1e-4, which the others give in equal parts;
///   divergence: as above, in float32 with numpy's sums.
///
/// The first i of the least divergence. All bins where none can be tried.
KeptBins onnxruntime_bins(std::span<const uint64_t> counts, int64_t levels);

}  // namespace quantdyn
