#include "experiments/results/result_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

// Compresses well and needs one seek to read; HDF5 keeps 1 MiB of an array's chunks in memory.
constexpr int64_t chunk_bytes = 256 * 1024;

template <typename To, typename From>
void copy_as(std::span<const From> values, std::span<std::byte> row) {
  std::vector<To> converted(values.size());
  std::ranges::transform(values, converted.begin(),
                         [](From value) { return static_cast<To>(value); });
  if (row.size() != converted.size() * sizeof(To))
    throw_error<Error>("result: a row of {} values for one of {} bytes", values.size(), row.size());
  std::memcpy(row.data(), converted.data(), row.size());
}

/// One row of missing values: NaN, or 0 for counts.
void fill_missing(h5::Type type, std::span<std::byte> row) {
  std::ranges::fill(row, std::byte{0});
  const auto put_nan = [&](auto nan) {
    for (size_t at = 0; at < row.size(); at += sizeof nan)
      std::memcpy(row.data() + at, &nan, sizeof nan);
  };
  if (type == h5::Type::float32) put_nan(std::numeric_limits<float>::quiet_NaN());
  if (type == h5::Type::float64) put_nan(std::numeric_limits<double>::quiet_NaN());
}

/// Layers have float64 and uint64, channels float32 and uint32.
h5::Type type_in_file(bool is_of_channels, bool is_count) {
  if (is_of_channels) return is_count ? h5::Type::uint32 : h5::Type::float32;
  return is_count ? h5::Type::uint64 : h5::Type::float64;
}

/// Arrays over snapshots below `group`; axes and labels, which are linked from the root, are none.
void add_group(StatisticCatalogue& catalogue, const h5::File& file, const std::string& group) {
  for (const std::string& name : file.group(group).names()) {
    const std::string path = group + "/" + name;
    if (file.is_group(path))
      add_group(catalogue, file, path);
    else if (!file.has(name) && !catalogue.contains(path))
      catalogue.emplace(path, StatisticArray(path, file.dataset(path)));
  }
}

}  // namespace

StatisticArray::StatisticArray(const Frame::Array& array) : quantity(array.quantity) {
  const std::string path = array.path();
  group = path.substr(0, path.rfind('/'));
  if (array.scope == Frame::Scope::layer) axes.push_back("layer");
  if (array.scope == Frame::Scope::channel) axes.push_back("channel");
  if (!array.quantity.axis.empty()) axes.push_back(array.quantity.axis);
  type = type_in_file(array.scope == Frame::Scope::channel,
                      std::holds_alternative<std::vector<uint64_t>>(array.values));
}

StatisticArray::StatisticArray(const std::string& path, const h5::Dataset& array)
    : quantity{.name = path.substr(path.rfind('/') + 1),
               .units = array.text("units"),
               .long_name = array.text("long_name")},
      group(path.substr(0, path.rfind('/'))),
      axes(array.axis_names()),
      type(type_in_file(path.starts_with("channelwise/"),
                        array.content() == h5::Content::integers)) {
  if (array.has_attribute("formula")) quantity.formula = array.text("formula");
  axes.erase(axes.begin());  // snapshot
}

void add_to_catalogue(StatisticCatalogue& catalogue, const Frame& frame) {
  for (const auto& [path, array] : frame.arrays()) {
    const StatisticArray fresh(array);
    const auto [found, is_new] = catalogue.try_emplace(path, fresh);
    if (!is_new && (found->second.type != fresh.type || found->second.axes != fresh.axes))
      throw_error<Error>(
          "result: {} has a different type or different axes than in an earlier snapshot", path);
  }
}

void add_to_catalogue(StatisticCatalogue& catalogue, const h5::File& snapshot) {
  for (const char* group : {"networkwise", "layerwise", "channelwise"})
    if (snapshot.has(group)) add_group(catalogue, snapshot, group);
}

StatisticsWriter::StatisticsWriter(h5::File& file, const ResultAxes& axes,
                                   const StatisticCatalogue& catalogue) {
  for (const auto& [path, statistic] : catalogue) {
    std::vector<std::string> names = {"snapshot"};
    names.insert(names.end(), statistic.axes.begin(), statistic.axes.end());
    h5::Storage storage;
    for (const std::string& name : names) storage.chunk.push_back(axes.size(name));
    int64_t row_values = 1;
    for (size_t i = 1; i < storage.chunk.size(); ++i) row_values *= storage.chunk[i];
    const int64_t row_bytes = row_values * h5::size_of(statistic.type);
    const int64_t rows =
        std::clamp<int64_t>(chunk_bytes / std::max<int64_t>(row_bytes, 1), 1, storage.chunk[0]);
    storage.chunk[0] = rows;
    if (row_bytes >
        chunk_bytes)  // rows that are larger than a chunk are cut along layer or channel
      storage.chunk[1] = std::max<int64_t>(storage.chunk[1] * chunk_bytes / row_bytes, 1);
    const bool is_real = statistic.type == h5::Type::float32 || statistic.type == h5::Type::float64;
    if (is_real) storage.fill = std::numeric_limits<double>::quiet_NaN();
    h5::Group group = file.make_group(statistic.group);
    h5::Dataset array = axes.make(group, statistic.quantity, statistic.type, names, storage);
    series_.emplace(path, Series{.array = std::move(array),
                                 .type = statistic.type,
                                 .block_rows = rows,
                                 .row_bytes = static_cast<size_t>(row_bytes),
                                 .block = {}});
  }
}

void StatisticsWriter::Series::flush() {
  if (block.empty()) return;
  const auto rows = static_cast<int64_t>(block.size() / row_bytes);
  array.write_rows(type, written, rows, block.data());
  written += rows;
  block.clear();
}

void StatisticsWriter::Series::append(const std::string& path, const Source& source) {
  const size_t before = block.size();
  block.resize(before + row_bytes);
  const std::span row = std::span(block).subspan(before);
  if (!source(path, type, row)) fill_missing(type, row);
  if (block.size() == static_cast<size_t>(block_rows) * row_bytes) flush();
}

void StatisticsWriter::append(const Source& source) {
  for (auto& [path, series] : series_) series.append(path, source);
}

StatisticsWriter::Source rows_of(const h5::File& snapshot) {
  return [&snapshot](const std::string& path, h5::Type type, std::span<std::byte> row) {
    if (!snapshot.has(path)) return false;
    const h5::Dataset array = snapshot.dataset(path);
    if (array.elements() * h5::size_of(type) != static_cast<int64_t>(row.size()))
      throw_error<Error>("{}: {} values found, {} bytes expected", array.where(), array.elements(),
                         row.size());
    array.read_rows(type, 0, 1, row.data());
    return true;
  };
}

void StatisticsWriter::append(const h5::File& snapshot) {
  const Source rows = rows_of(snapshot);
  for (auto& [path, series] : series_) {
    if (series.block_rows == 1 && snapshot.has(path) &&
        series.array.take_row(series.written, snapshot.dataset(path)))
      ++series.written;
    else
      series.append(path, rows);
  }
}

void StatisticsWriter::finish() {
  for (auto& [path, series] : series_) series.flush();
}

StatisticsWriter::Source rows_of(const Frame& frame) {
  return [&frame](const std::string& path, h5::Type type, std::span<std::byte> row) {
    const auto found = frame.arrays().find(path);
    if (found == frame.arrays().end()) return false;
    const auto& values = found->second.values;
    if (const auto* counts = std::get_if<std::vector<uint64_t>>(&values)) {
      if (type == h5::Type::uint64) {
        copy_as<uint64_t>(std::span(*counts), row);
        return true;
      }
      constexpr uint64_t most = std::numeric_limits<uint32_t>::max();
      const auto over = std::ranges::find_if(*counts, [](uint64_t count) { return count > most; });
      if (over != counts->end())
        throw_error<Error>(
            "result: {}: a count of {} for one channel; the file holds up to {}: track fewer "
            "images",
            path, *over, most);
      copy_as<uint32_t>(std::span(*counts), row);
    } else {
      const std::span reals = std::get<std::vector<double>>(values);
      if (type == h5::Type::float32)
        copy_as<float>(std::span<const double>(reals), row);
      else
        copy_as<double>(std::span<const double>(reals), row);
    }
    return true;
  };
}

}  // namespace quantdyn
