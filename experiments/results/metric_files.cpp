// A table of metrics as columns, and as HDF5.
#include "experiments/results/metric_table.h"
#include "framework/h5/h5.h"

namespace quantdyn {

FlatTable columns_of(const MetricTable& table) {
  using Row = MetricTable::Row;
  FlatTable out;
  const auto add = [&](const std::string& name, const std::string& long_name, const auto& of) {
    std::vector<std::decay_t<decltype(of(table.rows.front()))>> values;
    for (const Row& row : table.rows) values.push_back(of(row));
    out.push_back({name, long_name, std::move(values)});
  };
  const auto run = [&](const Row& row) -> const MetricTable::Run& { return table.runs[row.run]; };
  add("member", "name of the run", [&](const Row& row) { return run(row).member; });
  add("group", "runs that differ in nothing but their seeds",
      [&](const Row& row) { return run(row).group; });
  for (size_t k = 0; k < table.keys.size(); ++k)
    add(table.keys[k], "key of the experiment", [&](const Row& row) { return run(row).values[k]; });
  add("variant", "quantized variant, or float32", [](const Row& row) { return row.variant; });
  add("metric", "array of /networkwise", [](const Row& row) { return row.metric; });
  add("units", "of value, mean and interval", [](const Row& row) { return row.units; });
  add("seed", "of the run", [&](const Row& row) { return run(row).seed; });
  add("count", "runs that the mean is of", [](const Row& row) { return row.count; });
  add("value", "the metric", [](const Row& row) { return row.value; });
  add("mean", "mean of value over the group's runs", [](const Row& row) { return row.mean; });
  add("interval", "half-width of the 95 % confidence interval of the mean",
      [](const Row& row) { return row.interval; });
  return out;
}

void write_metrics(const MetricTable& table, const std::filesystem::path& path) {
  h5::File file = h5::File::create(path);
  for (const FlatColumn& column : columns_of(table))
    std::visit(
        [&](const auto& values) {
          if constexpr (std::is_same_v<typename std::decay_t<decltype(values)>::value_type,
                                       std::string>)
            file.write_texts(column.name, values).set("long_name", column.long_name);
          else
            file.write(column.name, values).set("long_name", column.long_name);
        },
        column.values);
  file.set("status", "table");
  file.commit();
}

}  // namespace quantdyn
