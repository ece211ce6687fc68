#include "stats/tracking/statistic.h"

#include <algorithm>
#include <set>

namespace quantdyn {

StatisticKinds read_statistics(const Options& options) {
  StatisticKinds kinds;
  std::set<std::string> seen;
  for (const Options& choice : options.plugins(
           "statistics", StatisticRegistry::instance().default_names(),
           "statistics of every tracked tensor: " + StatisticRegistry::instance().names())) {
    const std::string name = choice.plugin_name();
    if (!StatisticRegistry::instance().entries().contains(name))
      options.refuse("statistics", "unknown name '" + name +
                                       "'; accepted: " + StatisticRegistry::instance().names());
    if (!seen.insert(name).second)
      options.refuse("statistics", "'" + name + "' appears twice; accepted: each name once");
    kinds.push_back(*StatisticRegistry::instance().make(choice));
  }
  return kinds;
}

void add_axes(const StatisticKinds& kinds, const TensorTraits& traits,
              std::vector<ExtraAxis>& axes) {
  StatisticKinds all = read_statistics(Options::from_text("{}", "statistics taken by default"));
  all.insert(all.end(), kinds.begin(), kinds.end());
  for (const StatisticKind& kind : all) {
    if (!kind.axes) continue;
    for (ExtraAxis& axis : kind.axes(traits)) {
      const auto same = std::ranges::find(axes, axis.name, &ExtraAxis::name);
      if (same == axes.end())
        axes.push_back(std::move(axis));
      else if (same->size != axis.size || same->long_name != axis.long_name ||
               same->places != axis.places)
        throw_error("two statistics have an axis '{}': {} ({} entries) and {} ({} entries)",
                    axis.name, same->long_name, same->size, axis.long_name, axis.size);
    }
  }
}

}  // namespace quantdyn
