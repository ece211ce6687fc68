// A table of metrics as CSV, JSON and HDF5.
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "experiments/results/metric_table.h"
#include "framework/base/error.h"
#include "framework/h5/h5.h"

namespace quantdyn {
namespace {

using Row = MetricTable::Row;

/// A column of the table; T is std::string, int64_t or double.
template <typename T>
struct Column {
  std::string name, long_name;
  std::function<T(const Row&)> of;
};

std::vector<Column<std::string>> text_columns(const MetricTable& table) {
  std::vector<Column<std::string>> out{
      {"member", "name of the run", [&](const Row& row) { return table.runs[row.run].member; }},
      {"group", "runs that differ in nothing but their seeds",
       [&](const Row& row) { return table.runs[row.run].group; }}};
  for (size_t k = 0; k < table.keys.size(); ++k)
    out.push_back({table.keys[k], "key of the experiment",
                   [&table, k](const Row& row) { return table.runs[row.run].values[k]; }});
  out.push_back(
      {"variant", "quantized variant, or float32", [](const Row& row) { return row.variant; }});
  out.push_back({"metric", "array of /networkwise", [](const Row& row) { return row.metric; }});
  out.push_back({"units", "of value, mean and interval", [](const Row& row) { return row.units; }});
  return out;
}

std::vector<Column<double>> number_columns() {
  return {{"value", "the metric", [](const Row& row) { return row.value; }},
          {"mean", "mean of value over the group's runs", [](const Row& row) { return row.mean; }},
          {"interval", "half-width of the 95 % confidence interval of the mean",
           [](const Row& row) { return row.interval; }}};
}

std::vector<Column<int64_t>> count_columns(const MetricTable& table) {
  return {{"seed", "of the run", [&](const Row& row) { return table.runs[row.run].seed; }},
          {"count", "runs that the mean is of", [](const Row& row) { return row.count; }}};
}

/// In quotes where a comma, quote or line end is in it (RFC 4180).
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// The shortest text that reads as the same double.
std::string csv_number(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

}  // namespace

std::string metrics_as_csv(const MetricTable& table) {
  const auto texts = text_columns(table);
  const auto numbers = number_columns();
  const auto counts = count_columns(table);
  std::vector<std::string> fields;
  for (const auto& column : texts) fields.push_back(csv_field(column.name));
  for (const auto& column : counts) fields.push_back(column.name);
  for (const auto& column : numbers) fields.push_back(column.name);
  std::string out = fmt::format("{}\n", fmt::join(fields, ","));
  for (const Row& row : table.rows) {
    fields.clear();
    for (const auto& column : texts) fields.push_back(csv_field(column.of(row)));
    for (const auto& column : counts) fields.push_back(std::to_string(column.of(row)));
    for (const auto& column : numbers) fields.push_back(csv_number(column.of(row)));
    out += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return out;
}

std::string metrics_as_json(const MetricTable& table) {
  const auto texts = text_columns(table);
  const auto numbers = number_columns();
  const auto counts = count_columns(table);
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Row& row : table.rows) {
    nlohmann::ordered_json entry;
    for (const auto& column : texts) entry[column.name] = column.of(row);
    for (const auto& column : counts) entry[column.name] = column.of(row);
    for (const auto& column : numbers) {
      const double value = column.of(row);
      if (std::isfinite(value))
        entry[column.name] = value;
      else if (std::isnan(value))
        entry[column.name] = nullptr;
      else  // JSON has no infinity
        entry[column.name] = value < 0 ? "-inf" : "inf";
    }
    out.push_back(std::move(entry));
  }
  return out.dump(1) + "\n";
}

void write_metrics(const MetricTable& table, const std::filesystem::path& path) {
  h5::File file = h5::File::create(path);
  const auto values_of = [&](const auto& column) {
    std::vector<decltype(column.of(table.rows.front()))> out;
    for (const Row& row : table.rows) out.push_back(column.of(row));
    return out;
  };
  for (const auto& column : text_columns(table))
    file.write_texts(column.name, values_of(column)).set("long_name", column.long_name);
  for (const auto& column : count_columns(table))
    file.write(column.name, values_of(column)).set("long_name", column.long_name);
  for (const auto& column : number_columns())
    file.write(column.name, values_of(column)).set("long_name", column.long_name);
  file.set("status", "table");
  file.commit();
}

}  // namespace quantdyn
