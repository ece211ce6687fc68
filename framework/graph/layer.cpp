#include "framework/graph/layer.h"

#include "framework/base/threads.h"

namespace quantdyn {

template <typename T>
void Layer<T>::initialize(const Initializer&, const Rng&) {}

template <typename T>
std::vector<const Parameter<T>*> Layer<T>::parameters() const {
  const auto own = const_cast<Layer*>(this)->parameters();
  return {own.begin(), own.end()};
}

template <typename T>
void Layer<T>::forward(std::span<const View<const T>> x, View<T> y) {
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    std::vector<View<const T>> inputs;
    for (const View<const T>& input : x) inputs.push_back(input.slice(chunk.first, chunk.images));
    evaluate(inputs, y.slice(chunk.first, chunk.images));
  });
}

std::string activation_names() {
  const auto is_activation = [](const LayerRegistry<float>::Entry& entry) {
    try {
      return entry.make(Options::from_text("{}", "no options"))->activation().has_value();
    } catch (const std::exception&) {  // needs options, or a plugin throws
      return false;
    }
  };
  std::string out;
  for (const auto& [name, entry] : LayerRegistry<float>::instance().entries())
    if (is_activation(entry)) out += (out.empty() ? "" : ", ") + name;
  return out;
}

template class Layer<float>;
template class Layer<double>;

}  // namespace quantdyn
