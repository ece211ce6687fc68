#include "experiments/text/flat_table.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

size_t rows_of(const FlatTable& table) {
  const auto size = [](const auto& values) { return values.size(); };
  return table.empty() ? 0 : std::visit(size, table.front().values);
}

/// In quotes where a comma, quote or line end is in it.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}
std::string csv_field(int64_t value) { return std::to_string(value); }
std::string csv_field(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

Json json_value(const std::string& text) { return text; }
Json json_value(int64_t value) { return value; }
Json json_value(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return nullptr;
  return value < 0 ? "-inf" : "inf";  // JSON has no infinity
}

}  // namespace

std::string as_csv(const FlatTable& table) {
  std::vector<std::string> fields;
  for (const FlatColumn& column : table) fields.push_back(csv_field(column.name));
  std::string out = fmt::format("{}\n", fmt::join(fields, ","));
  for (size_t row = 0; row < rows_of(table); ++row) {
    fields.clear();
    for (const FlatColumn& column : table)
      fields.push_back(
          std::visit([&](const auto& values) { return csv_field(values[row]); }, column.values));
    out += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return out;
}

std::string as_json(const FlatTable& table) {
  Json out = Json::array();
  for (size_t row = 0; row < rows_of(table); ++row) {
    Json entry = Json::object();
    for (const FlatColumn& column : table)
      entry[column.name] =
          std::visit([&](const auto& values) { return json_value(values[row]); }, column.values);
    out.push_back(std::move(entry));
  }
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quantdyn
