// The loops over values and their quantized twins: vectorized over channels, and their references.
#pragma once

#include "framework/graph/tap.h"

namespace quantdyn {

/// Running sums by channel; entry 0 belongs to the tile's first channel. x is the float value, q
/// its quantized twin.
struct PairSums {
  double* difference;  ///< of q - x
  double* error;       ///< of (q - x)^2
  double* value;       ///< of x
  double* signal;      ///< of x^2
  double* product;     ///< of x q
  double* twin;        ///< of q^2
};

/// What a quantizer does to values z, by channel; entry 0 belongs to the tile's first channel.
struct QuantizerErrorSums {
  const float* lowest;   ///< lowest level; values below it are clipped
  const float* highest;  ///< highest level; values above it are clipped
  double* clipping;      ///< of (z - q)^2 over z outside the levels
  double* rounding;      ///< of (z - q)^2 over z inside, ends included; a NaN is added to both
};

/// As in kernels.h: in double, by channel in the order of the rows, with the bits of `reference` on
/// any instruction set.
namespace kernels {

/// The tiles have the same size.
void add_errors(const Tile& x, const Tile& q, const PairSums& into);
void add_quantizer_errors(const Tile& z, const Tile& q, const QuantizerErrorSums& into);

namespace reference {
void add_errors(const Tile& x, const Tile& q, const PairSums& into);
void add_quantizer_errors(const Tile& z, const Tile& q, const QuantizerErrorSums& into);
}  // namespace reference

}  // namespace kernels
}  // namespace quantdyn
