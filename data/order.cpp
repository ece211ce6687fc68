#include "data/order.h"

#include <numeric>
#include <utility>

#include "framework/base/error.h"

namespace quantdyn {

void shuffle(const Rng& rng, int64_t size, std::vector<int64_t>& order) {
  order.resize(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i, i)]);
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
