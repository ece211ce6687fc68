#include "framework/config/config_values.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "framework/base/printable.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;

bool has_leading_zero(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

template <typename T>
constexpr const char* number_type() {
  return std::is_floating_point_v<T> ? "a number" : "a whole number";
}

/// Layers and quantizers compute in float: a slope of 1e-60 would be none.
bool survives_as_float(double value) {
  const auto as_float = static_cast<float>(value);
  return (as_float != 0) == (value != 0) && std::isinf(as_float) == std::isinf(value);
}
bool survives_as_float(int64_t) { return true; }

}  // namespace

ConfigNode::Pointer make_scalar(const ConfigNode& parent, std::string value, bool quoted) {
  auto node = std::make_shared<ConfigNode>();
  node->kind = Kind::scalar;
  node->scalar = std::move(value);
  node->quoted = quoted;
  node->source = parent.source;
  node->line = parent.line;
  return node;
}

ConfigNode::Pointer make_list(const ConfigNode& parent, const std::vector<std::string>& values) {
  auto node = std::make_shared<ConfigNode>();
  node->kind = Kind::sequence;
  node->source = parent.source;
  node->line = parent.line;
  for (const std::string& value : values) {
    node->items.push_back(make_scalar(parent, value));
    node->items.back()->was_read = true;
  }
  return node;
}

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return (node.quoted ? "the quoted text '" : "'") + quotable(node.scalar) + "'";
    case Kind::sequence:
      return "a list";
    case Kind::map:
      return "a mapping";
  }
  return "";
}

template <typename T>
bool parse_number(std::string_view text, T& value) {
  if (text.starts_with("+") && !text.starts_with("+-")) text.remove_prefix(1);
  if (has_leading_zero(text)) return false;  // YAML 1.1 would read it as octal
  if constexpr (std::is_floating_point_v<T>) {
    if (text == ".inf" || text == "-.inf") {
      value = (text[0] == '-' ? -1 : 1) * std::numeric_limits<T>::infinity();
      return true;
    }
    if (text.find_first_of("nN") != std::string_view::npos) return false;  // nan, inf
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <typename T>
T read_number(const ConfigNode& node, const std::string& key, const Accepted<T>& accepted) {
  T value{};
  const bool is_number =
      node.kind == Kind::scalar && !node.quoted && parse_number(node.scalar, value);
  const std::string range = accepted.text().empty() ? "" : fmt::format(" {}", accepted.text());
  if (is_number && !survives_as_float(value))
    throw_error<ConfigError>(
        "{}: {}: {} is {} as a 32-bit float; accepted: 0, or a size from "
        "1.5e-45 to 3.4e38",
        node.where(), quotable(key), quotable(node.scalar), static_cast<float>(value));
  if (is_number && accepted.contains(value)) return value;
  if (is_number)
    throw_error<ConfigError>("{}: {}: {} is out of range; accepted: {}{}", node.where(),
                             quotable(key), quotable(node.scalar), number_type<T>(), range);
  throw_error<ConfigError>("{}: {}: expected {}{}, found {}", node.where(), quotable(key),
                           number_type<T>(), range, describe(node));
}

std::string read_text(const ConfigNode& node, const std::string& key) {
  if (node.kind != Kind::scalar)
    throw_error<ConfigError>("{}: {}: expected text, found {}", node.where(), quotable(key),
                             describe(node));
  return node.scalar;
}

template bool parse_number(std::string_view, int64_t&);
template bool parse_number(std::string_view, double&);
template int64_t read_number(const ConfigNode&, const std::string&, const Accepted<int64_t>&);
template double read_number(const ConfigNode&, const std::string&, const Accepted<double>&);

template <typename T>
std::string Accepted<T>::text() const {
  const bool bounded_below = low > std::numeric_limits<T>::lowest();
  const bool bounded_above = high < std::numeric_limits<T>::max();
  const std::string below =
      low_excluded ? fmt::format("over {}", low) : fmt::format("at least {}", low);
  const std::string above =
      high_excluded ? fmt::format("below {}", high) : fmt::format("at most {}", high);
  if (bounded_below && bounded_above)
    return low_excluded || high_excluded ? below + " and " + above
                                         : fmt::format("from {} to {}", low, high);
  return bounded_below ? below : bounded_above ? above : "";
}
template struct Accepted<int64_t>;
template struct Accepted<double>;

}  // namespace quantdyn
