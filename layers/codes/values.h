// Between values of a grid, their codes and whole numbers.
#pragma once

#include <cstdint>

#include "framework/graph/code_grid.h"

namespace quantdyn {

/// Writes `count` values of the grid as codes less the lowest one. Returns false if one of them,
/// a NaN for example, is no value of the grid.
bool take_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to);
/// Replaces `count` codes, less the lowest one, at the start of `values` by their values.
void codes_to_values(const CodeGrid& grid, int64_t count, float* values);
/// Whether all are values of the grid.
bool are_on_grid(const CodeGrid& grid, const float* values, int64_t count);
/// to = byte - zero.
void take_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to);
/// to = code - zero_point, of values that are on the grid.
void take_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to);

}  // namespace quantdyn
