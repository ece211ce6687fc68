// How far each channel's distribution is from its layer's.
#pragma once

#include <string>

#include "framework/h5/frame.h"

namespace quantdyn {

/// Writes channelwise/<tensor>/{js,wasserstein}_to_layer, js_to_layer_excess, and their means over
/// a layer's channels, layerwise/<tensor>/average_..., of all nodes that have the tensor.
///
/// The excess is js_to_layer less expected_js_divergence() of the channel's number of values: nine
/// weights are far from any layer by being nine.
///
/// From the histograms, and the exact ends where `moments` wrote them, in the same frame; a frame
/// without histograms of the tensor is left as it is. A channel without values (or with only NaN)
/// has NaN, and so has its layer's mean. Parallel inside, the same bits for any thread count.
void save_channel_distances(Frame& frame, const std::string& tensor);

}  // namespace quantdyn
