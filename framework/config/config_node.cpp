#include "framework/config/config_node.h"

#include <algorithm>

namespace quantdyn {

/// Where the entry `key` is, or the number of entries. Small maps are searched; large ones get an
/// index, which grows with them.
size_t ConfigNode::index_of(const std::string& key) const {
  constexpr size_t small = 32;
  if (entries.size() <= small)
    return static_cast<size_t>(
        std::ranges::find(entries, key, [](const auto& entry) { return entry.first; }) -
        entries.begin());
  for (; indexed_ < entries.size(); ++indexed_) indices_.emplace(entries[indexed_].first, indexed_);
  const auto found = indices_.find(key);
  return found == indices_.end() ? entries.size() : found->second;
}

ConfigNode::Pointer ConfigNode::find(const std::string& key) const {
  const size_t index = index_of(key);
  return index < entries.size() ? entries[index].second : nullptr;
}

ConfigNode::Pointer* ConfigNode::find_place(const std::string& key) {
  const size_t index = index_of(key);
  return index < entries.size() ? &entries[index].second : nullptr;
}

void ConfigNode::erase_entries(
    const std::function<bool(const std::string&, const ConfigNode&)>& is_erased) {
  std::erase_if(entries, [&](const auto& entry) { return is_erased(entry.first, *entry.second); });
  indices_.clear();
  indexed_ = 0;
}

}  // namespace quantdyn
