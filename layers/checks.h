// What setup() checks of its inputs' shapes, with errors that say what was found and expected.
#pragma once

#include <span>
#include <string_view>

#include "framework/base/error.h"
#include "framework/base/tensor.h"

namespace quantdyn {

/// The shape of the one input of `kind`; throws Error unless there is exactly one.
inline const Shape& only_input(std::span<const Shape> inputs, std::string_view kind) {
  if (inputs.size() != 1) throw_error("{}: found {} inputs, expected one", kind, inputs.size());
  if (inputs[0].rank() < 1 || inputs[0].elements() < 1)
    throw_error("{}: found an input of shape {}, expected one with at least one value", kind,
                inputs[0].text());
  return inputs[0];
}

/// The same for a layer that works on images; throws Error unless it is [h,w,c].
inline const Shape& only_image(std::span<const Shape> inputs, std::string_view kind) {
  const Shape& input = only_input(inputs, kind);
  if (input.rank() != 3)
    throw_error("{}: found an input of shape {}, expected [height, width, channels]", kind,
                input.text());
  return input;
}

}  // namespace quantdyn
