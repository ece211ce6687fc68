// Where the error at an output was added: the share of every layer before it.
#pragma once

#include <vector>

#include "experiments/explain/facts.h"

namespace quantdyn {

/// Of the squared error at the output of one layer, by layer before it.
struct ErrorFlow {
  std::vector<double> added;  ///< the share that the layer added; these sum to 1
  std::vector<double>
      through;  ///< the share that came through the layer's output, its own included
};

/// How the error at the output of layer `target` came about.
///
/// An output's error a_l = added_l + propagated_l. What is propagated came through the inputs, in
/// proportion to their own squared errors, so with c_target = 1, backwards over the net,
///   added share_l = c_l added_l / a_l,
///   c_i += c_l (propagated_l / a_l) (a_i n_i / sum_j a_j n_j) for each input i, n values an image.
/// Exact in a chain. Where branches meet, it assumes that their errors do not correlate. A share is
/// negative where a layer's own error cancels part of what reaches it. All are 0 without an error,
/// NaN where an error is not finite.
ErrorFlow error_flow(const NetFacts& net, size_t target);

/// The predicted gain of the logits' SQNR if `removed` of their squared error went: -10 log10(1 -
/// removed), dB; at most 20, because the rest is less certain than a hundredth.
double predicted_gain(double removed);

}  // namespace quantdyn
