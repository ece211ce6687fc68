#include "quant/ranges/range_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "quant/quantizers/quantizer_traits.h"

namespace quantdyn {
namespace {

using Place = std::pair<int64_t, int64_t>;  // of a candidate: low, high

/// Candidates whose error is known.
class Search {
 public:
  Search(int64_t low_count, int64_t high_count,
         const std::function<double(int64_t, int64_t)>& error)
      : low_count_(low_count), high_count_(high_count), error_(error) {}

  void evaluate(const Place& place) {
    const auto [low, high] = place;
    if (low < 0 || low >= low_count_ || high < 0 || high >= high_count_) return;
    const auto [found, is_new] = known_.try_emplace(place);
    if (!is_new) return;
    const double error = error_(low, high);
    found->second = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  void evaluate_around(const Place& place, int64_t distance) {
    for (int64_t i : {-distance, int64_t{0}, distance})
      for (int64_t j : {-distance, int64_t{0}, distance})
        evaluate({place.first + i, place.second + j});
  }
  std::vector<Place> best(size_t count) const {
    std::vector<std::tuple<double, int64_t, Place>> order;
    for (const auto& [place, error] : known_)
      order.emplace_back(error, place.first + place.second, place);
    count = std::min(count, order.size());
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<Place> out;
    for (size_t i = 0; i < count; ++i) out.push_back(std::get<Place>(order[i]));
    return out;
  }

 private:
  int64_t low_count_, high_count_;
  const std::function<double(int64_t, int64_t)>& error_;
  std::map<Place, double> known_;
};

}  // namespace

SearchOptions SearchOptions::read(const Options& options) {
  SearchOptions out;
  out.steps = options.integer("steps", 16, accept::between<int64_t>(1, 1024),
                              "candidates per octave for each end");
  out.octaves = options.integer("octaves", 6, accept::between<int64_t>(1, 30),
                                "how far an end may be drawn in: to 2^-octaves of it");
  out.ends = options.choice<Ends>("ends", Ends::apart,
                                  {{"apart", Ends::apart}, {"together", Ends::together}},
                                  "whether each end is drawn in by its own factor or both by "
                                  "the same; symmetric quantizers need only one");
  return out;
}

RangeCandidates::RangeCandidates(const Range& ends, double median, const Quantizer& quantizer,
                                 const SearchOptions& options)
    : ends_(always_holds_zero(quantizer) ? widened_to_zero(ends) : ends),
      anchor_(always_holds_zero(quantizer) ? 0 : median),
      options_(options),
      are_together_(options.ends == SearchOptions::Ends::together || is_symmetric(quantizer)) {
  const int64_t count = options.octaves * options.steps + 1;
  const bool low_moves = ends_.low<anchor_, high_moves = ends_.high> anchor_;
  low_count_ = low_moves && !are_together_ ? count : 1;
  high_count_ = high_moves || (low_moves && are_together_) ? count : 1;
}

Range RangeCandidates::at(int64_t low, int64_t high) const {
  const auto factor = [&](int64_t step) {
    return std::exp2(-static_cast<double>(step) / static_cast<double>(options_.steps));
  };
  return {anchor_ - factor(are_together_ ? high : low) * (anchor_ - ends_.low),
          anchor_ + factor(high) * (ends_.high - anchor_)};
}

std::pair<int64_t, int64_t> best_candidate(int64_t low_count, int64_t high_count,
                                           const std::function<double(int64_t, int64_t)>& error) {
  constexpr int64_t coarsest = 16;
  constexpr size_t kept = 3;
  Search search(low_count, high_count, error);
  for (int64_t low = 0; low < low_count; low += coarsest)
    for (int64_t high = 0; high < high_count; high += coarsest) search.evaluate({low, high});
  for (int64_t distance = coarsest / 2; distance > 0; distance /= 2)
    for (const Place& place : search.best(kept)) search.evaluate_around(place, distance);
  return search.best(1)[0];
}

Range best_range(const RangeCandidates& candidates,
                 const std::function<double(const Range&)>& error) {
  const auto [low, high] =
      best_candidate(candidates.low_count(), candidates.high_count(),
                     [&](int64_t i, int64_t j) { return error(candidates.at(i, j)); });
  return candidates.at(low, high);
}

}  // namespace quantdyn
