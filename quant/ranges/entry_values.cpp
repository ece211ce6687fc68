#include "quant/ranges/entry_values.h"

#include <utility>

#include "framework/base/threads.h"

namespace quantdyn {

EntryValues::EntryValues(const RangeTask& task) {
  const Granularity granularity = task.quantizer->granularity();
  if (task.kind != TensorKind::weight) {
    histograms_ = std::make_unique<EntryHistograms>(task.tensor, task.channels, granularity);
    return;
  }
  const std::vector<std::vector<float>> none(
      static_cast<size_t>(granularity.entries(task.channels)));
  kept_ = std::make_unique<Kept>(Kept{granularity,
                                      {task.tensor, task.channels},
                                      std::vector(static_cast<size_t>(worker_count()), none)});
}

void EntryValues::add(const Tile& tile) {
  if (histograms_) return histograms_->add(tile);
  kept_->extremes.add(tile);
  kept_->granularity.for_entries(tile, [&](int64_t entry, const Tile& part) {
    std::vector<float>& values = kept_->values[part.worker][entry];
    for (int64_t r = 0; r < part.rows; ++r) {
      const float* const row = part.values + r * part.row_stride;
      values.insert(values.end(), row, row + part.channels);
    }
  });
}

std::vector<Range> EntryValues::ends() const {
  return histograms_ ? histograms_->ends() : kept_->extremes.by_entry(kept_->granularity);
}

Distribution EntryValues::distribution(int64_t entry, const Range& ends, int points) const {
  if (histograms_) return binned_distribution(histograms_->histogram(entry, ends), points);
  std::vector<float> all;
  for (const auto& entries : kept_->values)
    all.insert(all.end(), entries[entry].begin(), entries[entry].end());
  return exact_distribution(std::move(all));
}

}  // namespace quantdyn
