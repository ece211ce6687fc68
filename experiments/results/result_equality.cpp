#include "experiments/results/result_equality.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// "at [2, 0, 5]" of an entry that lies `entry` values after the start.
std::string place_text(const std::vector<int64_t>& sizes, int64_t entry) {
  std::vector<int64_t> place(sizes.size());
  for (size_t axis = sizes.size(); axis-- > 0;) {
    place[axis] = entry % sizes[axis];
    entry /= sizes[axis];
  }
  return fmt::format("[{}]", fmt::join(place, ", "));
}

bool is_same(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

/// T holds every value of the arrays exactly.
template <typename T>
std::string compare_values(const std::string& path, const h5::Dataset& a, const h5::Dataset& b) {
  const auto sizes = a.sizes();
  const int64_t rows = sizes.empty() ? 1 : sizes[0];
  const int64_t each = rows == 0 ? 0 : a.elements() / rows;
  const int64_t step =
      each == 0 ? rows : std::clamp<int64_t>((1 << 20) / each, 1, std::max<int64_t>(rows, 1));
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    const auto of_a = sizes.empty() ? a.read<T>() : a.read_rows<T>(row, count);
    const auto of_b = sizes.empty() ? b.read<T>() : b.read_rows<T>(row, count);
    for (size_t i = 0; i < of_a.size(); ++i) {
      bool same = of_a[i] == of_b[i];
      if constexpr (std::is_same_v<T, double>) same = is_same(of_a[i], of_b[i]);
      if (!same)
        return fmt::format("/{} differs first at {}: {} against {}", path,
                           place_text(sizes, row * each + static_cast<int64_t>(i)), of_a[i],
                           of_b[i]);
    }
  }
  return "";
}

std::string compare_arrays(const std::string& path, const h5::Dataset& a, const h5::Dataset& b) {
  if (a.sizes() != b.sizes())
    return fmt::format("/{} has the shapes [{}] and [{}]", path, fmt::join(a.sizes(), ", "),
                       fmt::join(b.sizes(), ", "));
  if (a.content() != b.content()) return fmt::format("/{} has different types", path);
  if (a.has_attribute("units") && a.text("units") == "s") return "";
  if (a.content() == h5::Content::floats) return compare_values<double>(path, a, b);
  if (a.content() == h5::Content::integers) return compare_values<int64_t>(path, a, b);
  if (a.content() == h5::Content::texts && a.read_texts() != b.read_texts())
    return fmt::format("/{} has different texts", path);
  return "";
}

std::string compare_groups(const std::string& path, const h5::File& a, const h5::File& b) {
  const auto names = a.group(path).names();
  for (const std::string& name : b.group(path).names())
    if (std::ranges::find(names, name) == names.end())
      return fmt::format("/{}/{} is only in the second file", path, name);
  for (const std::string& name : names) {
    const std::string below = path + "/" + name;
    if (!b.has(below)) return fmt::format("/{} is only in the first file", below);
    if (a.is_group(below) != b.is_group(below))
      return fmt::format("/{} is a group in only one of the files", below);
    const std::string difference = a.is_group(below)
                                       ? compare_groups(below, a, b)
                                       : compare_arrays(below, a.dataset(below), b.dataset(below));
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace

std::string first_difference(const ResultReader& a, const ResultReader& b) {
  for (const std::string group : {"training", "weights", "networkwise", "layerwise", "channelwise",
                                  "quantization", "images", "tensors"}) {
    const bool in_a = a.file().is_group(group), in_b = b.file().is_group(group);
    if (in_a != in_b)
      return fmt::format("/{} is only in the {} file", group, in_a ? "first" : "second");
    const std::string difference = in_a ? compare_groups(group, a.file(), b.file()) : "";
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace quantdyn
