#include "framework/config/asked_keys.h"

#include <algorithm>

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;

AskedKey described(const OptionDescription& about, const ConfigNode::Pointer& value) {
  AskedKey out{about, {}};
  if (value == nullptr || about.is_plugin()) return out;
  if (value->kind == Kind::map) merge_keys(out, asked_keys(*value));
  if (value->kind != Kind::sequence) return out;
  for (const ConfigNode::Pointer& item : value->items)
    if (item->kind == Kind::map) merge_keys(out, asked_keys(*item));
  return out;
}

}  // namespace

AskedKey asked_keys(const ConfigNode& mapping) {
  AskedKey out;
  out.takes_any = mapping.takes_any;
  for (const OptionDescription& about : mapping.asked)
    out.keys.push_back(described(about, mapping.find(about.key)));
  return out;
}

void merge_keys(AskedKey& into, const AskedKey& other) {
  into.takes_any |= other.takes_any;
  for (const AskedKey& key : other.keys) {
    const auto known = std::ranges::find_if(
        into.keys, [&](const AskedKey& k) { return k.about.key == key.about.key; });
    if (known == into.keys.end())
      into.keys.push_back(key);
    else
      merge_keys(*known, key);
  }
}

}  // namespace quantdyn
