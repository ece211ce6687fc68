// The keys of Options that hold values: numbers, texts, paths, and lists of them.
#include <algorithm>
#include <cmath>

#include "framework/base/printable.h"
#include "framework/config/config_values.h"
#include "framework/config/options_document.h"

namespace quantdyn {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

namespace {

/// As YAML has it, so that the resolved document can be read again.
std::string shortest(double value) {
  return std::isinf(value) ? (value < 0 ? "-.inf" : ".inf") : fmt::format("{}", value);
}

std::string join(std::span<const std::string> words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

Accepted<double> as_bounds(const Accepted<int64_t>& accepted) {
  using Whole = std::numeric_limits<int64_t>;
  Accepted<double> out{.low_excluded = accepted.low_excluded,
                       .high_excluded = accepted.high_excluded};
  if (accepted.low > Whole::lowest()) out.low = static_cast<double>(accepted.low);
  if (accepted.high < Whole::max()) out.high = static_cast<double>(accepted.high);
  return out;
}

template <typename T>
std::vector<std::string> texts_of(const std::vector<T>& values) {
  std::vector<std::string> out;
  for (const T& value : values) {
    if constexpr (std::is_same_v<T, double>)
      out.push_back(shortest(value));
    else
      out.push_back(fmt::format("{}", value));
  }
  return out;
}

}  // namespace

int64_t Options::integer(const std::string& key, std::optional<int64_t> fallback,
                         const Accepted<int64_t>& accepted, std::string_view help) const {
  const std::string shown = fallback ? std::to_string(*fallback) : "required";
  const Pointer node =
      find(key, !fallback,
           {key, "a whole number", shown, accepted.text(), std::string(help), as_bounds(accepted)});
  if (node) return read_number<int64_t>(*node, key, accepted);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
  return fallback.value_or(std::max<int64_t>(accepted.low, 1));
}

double Options::number(const std::string& key, std::optional<double> fallback,
                       const Accepted<double>& accepted, std::string_view help) const {
  const std::string shown = fallback ? shortest(*fallback) : "required";
  const Pointer node =
      find(key, !fallback, {key, "a number", shown, accepted.text(), std::string(help), accepted});
  if (node) return read_number<double>(*node, key, accepted);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
  return fallback.value_or(std::max(accepted.low, 1.0));
}

bool Options::flag(const std::string& key, std::optional<bool> fallback,
                   std::string_view help) const {
  const std::string shown = fallback ? (*fallback ? "true" : "false") : "required";
  const Pointer node = find(key, !fallback, {key, "true or false", shown, "", std::string(help)});
  if (!node) {
    if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
    return fallback.value_or(false);
  }
  if (node->kind == Kind::scalar && !node->quoted &&
      (node->scalar == "true" || node->scalar == "false"))
    return node->scalar == "true";
  throw_error<ConfigError>("{}: {}: expected true or false, found {}", node->where(), key,
                           describe(*node));
}

std::string Options::text(const std::string& key, std::optional<std::string> fallback,
                          std::string_view help) const {
  const Pointer node =
      find(key, !fallback, {key, "text", fallback.value_or("required"), "", std::string(help)});
  if (node) return read_text(*node, key);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, *fallback));
  return fallback.value_or("");
}

std::string Options::choice(const std::string& key, std::optional<std::string> fallback,
                            std::span<const std::string> accepted, std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key,
                             "one of",
                             fallback.value_or("required"),
                             join(accepted),
                             std::string(help),
                             {},
                             {accepted.begin(), accepted.end()}});
  if (!node) {
    if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, *fallback));
    return fallback.value_or("");
  }
  const std::string chosen = read_text(*node, key);
  if (std::ranges::find(accepted, chosen) == accepted.end())
    throw_error<ConfigError>("{}: {}: unknown value '{}'; accepted: {}", node->where(), key,
                             quotable(chosen), join(accepted));
  return chosen;
}

std::vector<int64_t> Options::integers(const std::string& key,
                                       std::optional<std::vector<int64_t>> fallback,
                                       const Accepted<int64_t>& accepted,
                                       std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "whole numbers", fallback ? list_text(*fallback) : "required",
                             accepted.text(), std::string(help), as_bounds(accepted)});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) {
      return read_number<int64_t>(item, key, accepted);
    });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, texts_of(*fallback)));
  return fallback.value_or(std::vector<int64_t>{});
}

std::vector<double> Options::numbers(const std::string& key,
                                     std::optional<std::vector<double>> fallback,
                                     const Accepted<double>& accepted,
                                     std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "numbers", fallback ? list_text(*fallback) : "required",
                             accepted.text(), std::string(help), accepted});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) {
      return read_number<double>(item, key, accepted);
    });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, texts_of(*fallback)));
  return fallback.value_or(std::vector<double>{});
}

std::vector<std::string> Options::texts(const std::string& key,
                                        std::optional<std::vector<std::string>> fallback,
                                        std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "a list of texts", fallback ? list_text(*fallback) : "required",
                             "", std::string(help)});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) { return read_text(item, key); });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, *fallback));
  return fallback.value_or(std::vector<std::string>{});
}

std::filesystem::path Options::path(const std::string& key, std::optional<std::string> fallback,
                                    std::string_view help) const {
  const std::string given = text(key, std::move(fallback), help);
  return given.empty() ? std::filesystem::path()
                       : (document_->directory / given).lexically_normal();
}

std::vector<std::filesystem::path> Options::paths(const std::string& key,
                                                  std::string_view help) const {
  const Pointer node = find(key, false, {key, "a list of paths", "[]", "", std::string(help)});
  std::vector<std::filesystem::path> out;
  if (!node) return out;
  for (const std::string& given :
       read_list(*node, key, [&](const ConfigNode& item) { return read_text(item, key); }))
    out.push_back((document_->directory / given).lexically_normal());
  return out;
}

}  // namespace quantdyn
