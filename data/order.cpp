#include "data/order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "framework/base/error.h"

namespace quantdyn {

void shuffle(const Rng& rng, int64_t size, std::vector<int64_t>& order) {
  order.resize(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i, i)]);
}

void shuffle_chunks(const Rng& rng, const Dataset& dataset, int64_t together,
                    std::vector<int64_t>& order) {
  std::vector<int64_t> starts;  // of chunks, and the end of the last one
  for (int64_t i = 0; i < dataset.size(); ++i)
    if (i == 0 || dataset.chunk_of(i) != dataset.chunk_of(i - 1)) starts.push_back(i);
  const auto chunks = static_cast<int64_t>(starts.size());
  starts.push_back(dataset.size());
  std::vector<int64_t> order_of_chunks, within, group;
  shuffle(rng.fork("chunks"), chunks, order_of_chunks);
  order.clear();
  for (int64_t first = 0; first < chunks; first += together) {
    group.clear();
    for (int64_t c = first; c < std::min(first + together, chunks); ++c) {
      const auto chunk = static_cast<size_t>(order_of_chunks[static_cast<size_t>(c)]);
      for (int64_t i = starts[chunk]; i < starts[chunk + 1]; ++i) group.push_back(i);
    }
    shuffle(rng.fork("images").fork(static_cast<uint64_t>(first)), std::ssize(group), within);
    for (const int64_t i : within) order.push_back(group[static_cast<size_t>(i)]);
  }
}

std::vector<int64_t> first_of_shuffle(const Rng& rng, int64_t size, int64_t count) {
  if (count < 0 || count > size)
    throw_error<ConfigError>("{} images requested; accepted: at most {}, the size of the dataset",
                             count, size);
  std::vector<int64_t> order;
  shuffle(rng, size, order);
  order.resize(static_cast<size_t>(count));
  return order;
}

}  // namespace quantdyn
