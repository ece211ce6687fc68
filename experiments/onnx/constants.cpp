#include "experiments/onnx/constants.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace quantdyn {
namespace {

using Sizes = std::vector<int64_t>;
using Type = OnnxTensor::Type;

constexpr int64_t most_elements = int64_t{1} << 24;

OnnxTensor of_integers(Sizes sizes, std::vector<int64_t> values) {
  return {.type = Type::integers,
          .type_name = "int64",
          .sizes = std::move(sizes),
          .floats = {},
          .integers = std::move(values)};
}

/// The tensors that a node reads, and what is asked of them; refuses at the node.
class Inputs {
 public:
  Inputs(const OnnxBuilder& builder, const OnnxNode& node) : builder_(builder), node_(node) {}

  const OnnxTensor& tensor(size_t i) const {
    return builder_.required_constant(node_, i, fmt::format("input {}", i));
  }
  const Sizes& integers(size_t i) const {
    return builder_.required_integers(node_, i, fmt::format("input {}", i));
  }
  bool has(size_t i) const { return node_.has_input(i); }
  size_t count() const { return node_.inputs.size(); }
  const Options& options() const { return node_.attributes; }
  [[noreturn]] void refuse(const std::string& why) const { options().refuse("", why); }

  /// An axis of a tensor of that rank, counted from the front.
  int64_t axis(const std::string& key, std::optional<int64_t> fallback, int64_t rank) const {
    const int64_t out =
        options().integer(key, fallback, accept::between<int64_t>(-rank, rank - 1), "");
    return out < 0 ? out + rank : out;
  }
  int64_t checked_elements(const Sizes& sizes) const {
    int64_t out = 1;
    for (const int64_t size : sizes) {
      if (size < 0 || (size > 0 && out > most_elements / size))
        refuse(fmt::format("makes a constant of sizes {}; accepted: up to {} values",
                           yaml_list(sizes), most_elements));
      out *= size;
    }
    return out;
  }

 private:
  const OnnxBuilder& builder_;
  const OnnxNode& node_;
};

int64_t rank_of(const OnnxTensor& x) { return static_cast<int64_t>(x.sizes.size()); }

/// A tensor of other sizes whose i-th value is that of `from` at place(i).
template <typename Place>
OnnxTensor moved(const OnnxTensor& from, Sizes sizes, int64_t elements, const Place& place) {
  OnnxTensor out{.type = from.type,
                 .type_name = from.type_name,
                 .sizes = std::move(sizes),
                 .floats = {},
                 .integers = {},
                 .quantized = from.quantized};
  for (int64_t i = 0; i < elements; ++i)
    if (from.type == Type::floats)
      out.floats.push_back(from.floats[place(i)]);
    else
      out.integers.push_back(from.integers[place(i)]);
  return out;
}

/// Where the axis that has a scale for each index is after the sizes changed.
void move_scales(const Inputs& in, OnnxTensor& out, const Sizes& before) {
  if (!out.quantized || out.quantized->is_per_tensor()) return;
  const auto outer = [](const Sizes& sizes, int64_t axis) {
    return std::accumulate(sizes.begin(), sizes.begin() + axis, int64_t{1}, std::multiplies<>());
  };
  const int64_t old = out.quantized->axis;
  for (int64_t axis = 0; axis < rank_of(out); ++axis)
    if (out.sizes[axis] == before[old] && outer(out.sizes, axis) == outer(before, old)) {
      out.quantized->axis = axis;
      return;
    }
  in.refuse(
      fmt::format("makes {} of {}, whose axis {} has a scale for each index; accepted: sizes "
                  "that keep this axis",
                  yaml_list(out.sizes), yaml_list(before), old));
}

OnnxTensor resized(const Inputs& in, const OnnxTensor& from, Sizes sizes) {
  OnnxTensor out = from;
  out.sizes = std::move(sizes);
  move_scales(in, out, from.sizes);
  return out;
}

/// Refuses to take parts of an axis that has a scale for each index.
void keep_scales(const Inputs& in, const OnnxTensor& x) {
  if (x.quantized && !x.quantized->is_per_tensor() && x.quantized->axis == 0)
    in.refuse("takes parts of an axis that has a scale for each index; accepted: the whole axis");
}

OnnxTensor identity(const Inputs& in) { return in.tensor(0); }

OnnxTensor cast(const Inputs& in) {
  static const std::map<std::string, std::pair<int64_t, int64_t>> ranges{
      {"int8", {-128, 127}},
      {"uint8", {0, 255}},
      {"int32", {-(int64_t{1} << 31), (int64_t{1} << 31) - 1}},
      {"int64", {-9'000'000'000'000'000, 9'000'000'000'000'000}},
      {"bool", {0, 1}}};
  const std::string to = onnx_type_name(static_cast<int32_t>(
      in.options().integer("to", Options::required, accept::between<int64_t>(0, 1000), "")));
  OnnxTensor out = in.tensor(0);
  const auto range = ranges.find(to);
  if (to != "float32" && range == ranges.end())
    in.options().refuse(
        "to", fmt::format("found {}; accepted: float32, int8, uint8, int32, int64, bool", to));
  out.type_name = to;
  if (to == "float32") {
    if (out.type == Type::integers) out.floats.assign(out.integers.begin(), out.integers.end());
    out.type = Type::floats;
    out.integers.clear();
    return out;
  }
  const int64_t low = range->second.first, high = range->second.second;
  const auto check = [&](auto x) {
    if (!(x >= static_cast<decltype(x)>(low) && x <= static_cast<decltype(x)>(high)))
      in.refuse(fmt::format("casts {} to {}", x, to));
  };
  for (const int64_t x : out.integers) check(x);
  for (const float x : out.floats) {
    check(x);
    out.integers.push_back(static_cast<int64_t>(x));
  }
  out.type = Type::integers;
  out.floats.clear();
  return out;
}

OnnxTensor reshape(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  Sizes sizes = in.integers(1);
  in.options().integer("allowzero", 0, accept::between<int64_t>(0, 0), "");
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] == 0 && i < x.sizes.size()) sizes[i] = x.sizes[i];
  const auto open = std::ranges::find(sizes, -1);
  if (open != sizes.end()) *open = 1;
  const int64_t known = in.checked_elements(sizes);
  if (open != sizes.end()) *open = known == 0 ? 0 : x.elements() / known;
  if (in.checked_elements(sizes) != x.elements())
    in.refuse(fmt::format("makes {} of {}", yaml_list(sizes), yaml_list(x.sizes)));
  return resized(in, x, sizes);
}

/// Attribute or input; none for Squeeze: all axes of size 1.
Sizes axes_of(const Inputs& in, int64_t rank) {
  Sizes out = in.has(1) ? in.integers(1)
                        : in.options().integers("axes", Sizes{}, accept::any<int64_t>(), "");
  for (int64_t& axis : out) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) in.refuse(fmt::format("has the axes {}", yaml_list(out)));
  }
  std::ranges::sort(out);
  return out;
}

OnnxTensor squeeze(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  const Sizes axes = axes_of(in, rank_of(x));
  const bool has_axes = in.has(1) || in.options().has("axes");
  Sizes sizes;
  for (int64_t axis = 0; axis < rank_of(x); ++axis) {
    const bool out = has_axes ? std::ranges::count(axes, axis) > 0 : x.sizes[axis] == 1;
    if (out && x.sizes[axis] != 1) in.refuse(fmt::format("axis {} is not of size 1", axis));
    if (!out) sizes.push_back(x.sizes[axis]);
  }
  return resized(in, x, sizes);
}

OnnxTensor unsqueeze(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  const size_t count = in.has(1) ? in.integers(1).size() : 8;
  const auto given = in.options().integers("axes", Sizes{}, accept::any<int64_t>(), "");
  const auto added = static_cast<int64_t>(in.has(1) ? count : given.size());
  const Sizes axes = axes_of(in, rank_of(x) + added);
  Sizes sizes = x.sizes;
  for (const int64_t axis : axes) {
    if (axis > static_cast<int64_t>(sizes.size())) in.refuse("has an axis that is too large");
    sizes.insert(sizes.begin() + axis, 1);
  }
  return resized(in, x, sizes);
}

OnnxTensor transpose(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  const int64_t rank = rank_of(x);
  Sizes order(static_cast<size_t>(rank));
  std::iota(order.rbegin(), order.rend(), 0);
  order = in.options().integers("perm", order, accept::any<int64_t>(), "order of the axes");
  Sizes sorted = order, all(static_cast<size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  std::ranges::sort(sorted);
  if (sorted != all) in.refuse(fmt::format("perm is {}", yaml_list(order)));
  Sizes sizes, steps, step(static_cast<size_t>(rank), 1);
  for (int64_t axis = rank - 1; axis-- > 0;) step[axis] = step[axis + 1] * x.sizes[axis + 1];
  for (const int64_t axis : order) {
    sizes.push_back(x.sizes[axis]);
    steps.push_back(step[axis]);
  }
  OnnxTensor out = moved(x, sizes, x.elements(), [&](int64_t i) {
    int64_t place = 0;
    for (int64_t axis = rank; axis-- > 0; i /= sizes[axis]) place += i % sizes[axis] * steps[axis];
    return place;
  });
  if (out.quantized && !out.quantized->is_per_tensor())
    out.quantized->axis = std::ranges::find(order, out.quantized->axis) - order.begin();
  return out;
}

/// Of lists, or of tensors along their first axis.
OnnxTensor concat(const Inputs& in) {
  OnnxTensor out = in.tensor(0);
  if (rank_of(out) < 1 || in.axis("axis", {}, rank_of(out)) != 0)
    in.refuse("joins constants on another axis than the first");
  for (size_t i = 1; i < in.count(); ++i) {
    const OnnxTensor& x = in.tensor(i);
    if (x.type != out.type || rank_of(x) != rank_of(out) ||
        !std::equal(x.sizes.begin() + 1, x.sizes.end(), out.sizes.begin() + 1))
      in.refuse(fmt::format("joins constants of sizes {} and {}", yaml_list(out.sizes),
                            yaml_list(x.sizes)));
    out.sizes[0] += x.sizes[0];
    in.checked_elements(out.sizes);
    out.floats.insert(out.floats.end(), x.floats.begin(), x.floats.end());
    out.integers.insert(out.integers.end(), x.integers.begin(), x.integers.end());
  }
  out.quantized = {};
  return out;
}

/// Of a list.
OnnxTensor gather(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  if (rank_of(x) != 1 || in.axis("axis", 0, 1) != 0) in.refuse("does not read a list");
  keep_scales(in, x);
  const OnnxTensor& places = in.tensor(1);
  if (places.type != Type::integers) in.refuse("has places that are not whole numbers");
  for (const int64_t i : places.integers)
    if (i < -x.sizes[0] || i >= x.sizes[0])
      in.refuse(fmt::format("asks for place {} of {}", i, x.sizes[0]));
  return moved(x, places.sizes, places.elements(), [&](int64_t i) {
    const int64_t place = places.integers[i];
    return place < 0 ? place + x.sizes[0] : place;
  });
}

/// Of a list, or of a matrix's rows; forwards or backwards.
OnnxTensor slice(const Inputs& in) {
  const OnnxTensor& x = in.tensor(0);
  const auto numbers = [&](size_t i, const std::string& key, std::optional<Sizes> fallback) {
    if (in.has(i)) return in.integers(i);
    return in.options().integers(key, std::move(fallback), accept::any<int64_t>(), "");
  };
  const Sizes starts = numbers(1, "starts", {}), ends = numbers(2, "ends", {}),
              axes = numbers(3, "axes", Sizes{0}), steps = numbers(4, "steps", Sizes{1});
  if (rank_of(x) < 1 || starts.size() != 1 || ends.size() != 1 || axes.size() != 1 ||
      (axes[0] != 0 && axes[0] != -rank_of(x)) || steps.size() != 1 || steps[0] == 0)
    in.refuse("cuts on another axis than the first");
  keep_scales(in, x);
  const int64_t size = x.sizes[0], step = steps[0];
  const auto place = [&](int64_t i, int64_t low, int64_t high) {
    return std::clamp(i < 0 && i >= -size ? i + size : i, low, high);
  };
  const int64_t start = step > 0 ? place(starts[0], 0, size) : place(starts[0], -1, size - 1);
  const int64_t end = step > 0 ? place(ends[0], 0, size) : place(ends[0], -1, size - 1);
  Sizes rows;
  for (int64_t i = start; step > 0 ? i < end : i > end;) {
    rows.push_back(i);
    if (step > size || step < -size) break;
    i += step;
  }
  const int64_t row = size == 0 ? 0 : x.elements() / size;
  Sizes sizes = x.sizes;
  sizes[0] = static_cast<int64_t>(rows.size());
  return moved(x, sizes, sizes[0] * row, [&](int64_t i) { return rows[i / row] * row + i % row; });
}

/// a (operation) b of whole numbers or floats, of equal sizes or with one value.
template <typename Operation>
OnnxTensor combine(const Inputs& in, const Operation& operation) {
  const OnnxTensor &a = in.tensor(0), &b = in.tensor(1);
  const bool fits = a.sizes == b.sizes || a.elements() == 1 || b.elements() == 1;
  if (a.type != b.type || !fits)
    in.refuse(fmt::format("computes with constants {} {} and {} {}", a.type_name,
                          yaml_list(a.sizes), b.type_name, yaml_list(b.sizes)));
  OnnxTensor out = b.elements() == 1 ? a : b;
  out.quantized = {};
  const auto at = [](const auto& values, size_t i) { return values[values.size() == 1 ? 0 : i]; };
  for (size_t i = 0; i < out.floats.size(); ++i)
    out.floats[i] = operation(at(a.floats, i), at(b.floats, i));
  for (size_t i = 0; i < out.integers.size(); ++i) {
    constexpr int64_t most = int64_t{1} << 31;  // no overflow, also of a product
    const int64_t x = at(a.integers, i), y = at(b.integers, i);
    if (std::max({x, -x, y, -y}) > most || x < -most || y < -most)
      in.refuse(fmt::format("computes with {} and {}", x, y));
    out.integers[i] = operation(x, y);
  }
  return out;
}

OnnxTensor divide(const Inputs& in) {
  const OnnxTensor& divisor = in.tensor(1);
  if (std::ranges::count(divisor.integers, 0) > 0) in.refuse("divides by 0");
  return combine(in, [](auto a, auto b) { return a / b; });
}

OnnxTensor add(const Inputs& in) {
  return combine(in, [](auto a, auto b) { return a + b; });
}
OnnxTensor subtract(const Inputs& in) {
  return combine(in, [](auto a, auto b) { return a - b; });
}
OnnxTensor multiply(const Inputs& in) {
  return combine(in, [](auto a, auto b) { return a * b; });
}

OnnxTensor constant_of_shape(const OnnxNode& node, const Inputs& in) {
  const Sizes& sizes = in.integers(0);
  const int64_t elements = in.checked_elements(sizes);
  OnnxTensor value{.type_name = "float32", .sizes = {1}, .floats = {0}, .integers = {}};
  if (const auto given = node.tensors.find("value"); given != node.tensors.end())
    value = given->second;
  if (value.elements() != 1) in.refuse("has a value that is not one number");
  return moved(value, sizes, elements, [](int64_t) { return 0; });
}

using Computation = OnnxTensor (*)(const Inputs&);

const std::map<std::string, Computation>& computations() {
  static const std::map<std::string, Computation> table{{"Add", add},
                                                        {"Cast", cast},
                                                        {"Concat", concat},
                                                        {"Div", divide},
                                                        {"Gather", gather},
                                                        {"Identity", identity},
                                                        {"Mul", multiply},
                                                        {"Reshape", reshape},
                                                        {"Slice", slice},
                                                        {"Squeeze", squeeze},
                                                        {"Sub", subtract},
                                                        {"Transpose", transpose},
                                                        {"Unsqueeze", unsqueeze}};
  return table;
}

/// The sizes of a computed value.
bool compute_shape(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue* const value = builder.find_value(node.inputs.at(0));
  Sizes sizes =
      value ? builder.sizes_of(*value) : builder.required_constant(node, 0, "its input").sizes;
  const auto rank = static_cast<int64_t>(sizes.size());
  const auto place = [&](const char* key, int64_t fallback) {
    const int64_t i = node.attributes.integer(key, fallback, accept::any<int64_t>(), "");
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  const int64_t start = place("start", 0), end = place("end", rank);
  sizes = start < end ? Sizes(sizes.begin() + start, sizes.begin() + end) : Sizes{};
  const auto count = static_cast<int64_t>(sizes.size());
  builder.set_constant(node, of_integers({count}, std::move(sizes)));
  return true;
}

}  // namespace

bool compute_constant(OnnxBuilder& builder, const OnnxNode& node) {
  if (node.operation == "Shape") return compute_shape(builder, node);
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.has_input(i) && !builder.constant(node, i)) return false;
  if (node.inputs.empty()) return false;
  const Inputs in(builder, node);
  if (node.operation == "ConstantOfShape") {
    builder.set_constant(node, constant_of_shape(node, in));
    return true;
  }
  const auto found = computations().find(node.operation);
  if (found == computations().end()) return false;
  builder.set_constant(node, found->second(in));
  return true;
}

}  // namespace quantdyn
