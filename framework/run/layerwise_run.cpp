#include "framework/run/layerwise_run.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace quantdyn {

LayerwiseRun::LayerwiseRun(Evaluator& net, const ImageBatches& images, int64_t capacity)
    : net_(net), images_(images), capacity_(capacity) {}

LayerwiseRun::Array LayerwiseRun::array_of(int unit) const {
  const Shape shape = net_.network().nodes()[net_.network().units()[unit].last].shape.batch_of(
      chunk_count(images_.images) * images_per_chunk);
  Array out{Arena(shape.elements()), {}};
  out.values = {out.memory.data(), shape};
  return out;
}

std::vector<int> LayerwiseRun::read_from(int unit, int also) const {
  const Network& network = net_.network();
  std::vector<int> out;
  for (int source = 0; source < unit; ++source)
    if (source == also ||
        std::ranges::any_of(network.readers(network.units()[source].last),
                            [&](int reader) { return network.nodes()[reader].unit >= unit; }))
      out.push_back(source);
  return out;
}

int64_t LayerwiseRun::floats_of(const std::vector<int>& units) const {
  int64_t out = 0;
  for (int unit : units)
    out += net_.network().nodes()[net_.network().units()[unit].last].shape.elements();
  return out * chunk_count(images_.images) * images_per_chunk;
}

void LayerwiseRun::run_chunk_before(int unit, Outputs& next, const Chunk& chunk) {
  const int64_t place = chunk.index * images_per_chunk;
  for (const auto& [source, array] : outputs_)
    std::ranges::copy(array.values.slice(place, images_per_chunk).values(),
                      net_.output(source, chunk.worker).data);
  for (int i = std::max(first_, 1); i < unit; ++i)
    net_.run_unit(i, net_, chunk.images, chunk.index, chunk.worker);
  for (auto& [source, array] : next)
    std::ranges::copy(std::as_const(net_).output(source, chunk.worker).values(),
                      array.values.slice(place, images_per_chunk).data);
}

void LayerwiseRun::run_before(int unit, int also, const ChunkWork& work) {
  assert(unit >= first_);
  const std::vector<int> needed = read_from(unit, also);
  const bool advances = unit > first_ && floats_of(needed) <= capacity_;
  Outputs next;
  if (advances)
    for (int source : needed) next[source] = array_of(source);
  const auto run = [&](const Chunk& chunk) {
    run_chunk_before(unit, next, chunk);
    work(chunk);
  };
  if (outputs_.empty())
    images_.each([&](View<const float> x, int64_t count, int64_t first_chunk) {
      parallel_chunks(count, [&](const Chunk& in_batch) {
        Chunk chunk = in_batch;
        chunk.index += first_chunk;
        net_.set_input(x.slice(in_batch.first, images_per_chunk), chunk.images, chunk.index,
                       chunk.worker);
        run(chunk);
      });
    });
  else
    parallel_chunks(images_.images, run);
  if (!advances) return;
  outputs_ = std::move(next);
  first_ = unit;
}

void LayerwiseRun::show(int unit) {
  run_before(unit, nothing, [&](const Chunk& chunk) {
    net_.show_unit(unit, chunk.images, chunk.index, chunk.worker);
  });
}

View<const float> LayerwiseRun::outputs_before(int unit, int source) {
  const bool has_room =
      unit == first_ ? outputs_.contains(source) : floats_of(read_from(unit, source)) <= capacity_;
  if (!has_room) without_room_ = array_of(source);
  if (!has_room || unit > first_)
    run_before(unit, source, [&](const Chunk& chunk) {
      if (has_room) return;
      const View<float> all = without_room_.values;
      std::ranges::copy(std::as_const(net_).output(source, chunk.worker).values(),
                        all.slice(chunk.index * images_per_chunk, images_per_chunk).data);
    });
  return (has_room ? outputs_.at(source) : without_room_).values.slice(0, images_.images);
}

}  // namespace quantdyn
