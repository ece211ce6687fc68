#include "framework/graph/layer.h"

#include "framework/base/threads.h"

namespace quantdyn {

template <typename T>
void Layer<T>::initialize(const Initializer&, const Rng&) {}

template <typename T>
void Layer<T>::forward(std::span<const View<const T>> x, View<T> y) {
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    std::vector<View<const T>> inputs;
    for (const View<const T>& input : x) inputs.push_back(input.slice(chunk.first, chunk.images));
    evaluate(inputs, y.slice(chunk.first, chunk.images));
  });
}

template class Layer<float>;
template class Layer<double>;

}  // namespace quantdyn
