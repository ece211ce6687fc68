// Which tensor of a net: its unit and its role there.
#pragma once

#include <compare>
#include <string>

#include "framework/graph/network.h"

namespace quantdyn {

/// A unit's tensor that can be quantized, in the order of tables.
enum class TensorRole { output, weight, bias };
/// "output", "weight" or "bias": the file's names.
std::string to_string(TensorRole role);

struct TensorId {
  int unit;
  TensorRole role;

  friend auto operator<=>(const TensorId&, const TensorId&) = default;
};
/// "conv1/weight": its name in errors.
std::string name_of(const Network& network, const TensorId& id);

}  // namespace quantdyn
