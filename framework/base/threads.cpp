#include "framework/base/threads.h"

#include <omp.h>

#include <exception>

namespace quantdyn {
namespace {
int workers = 1;
bool is_descending = false;  // the last alternating walk; results do not depend on it

/// Walks [begin, end); on an exception gives the index it happened at.
void walk_range(int64_t begin, int64_t end, bool descending, int worker,
                const std::function<void(int64_t, int)>& work, int64_t& at) {
  for (int64_t i = begin; i < end; ++i) {
    at = descending ? begin + end - 1 - i : i;
    work(at, worker);
  }
}

}  // namespace

int worker_count() { return workers; }

void set_worker_count(int n) {
  workers = n;
  omp_set_dynamic(0);
  omp_set_num_threads(n);
}

void parallel_for(int64_t count, const std::function<void(int64_t, int)>& work, Walk walk) {
  const bool is_inside = omp_in_parallel();
  if (walk == Walk::alternating && !is_inside) is_descending = !is_descending;
  const bool descending = walk == Walk::alternating && is_descending;
  if (is_inside || workers == 1 || count == 1) {
    int64_t at = 0;
    walk_range(0, count, descending, is_inside ? omp_get_thread_num() : 0, work, at);
    return;
  }
  std::vector<std::pair<int64_t, std::exception_ptr>> failures(static_cast<size_t>(workers),
                                                               {count, nullptr});
#pragma omp parallel num_threads(workers)
  {
    const int worker = omp_get_thread_num(),
              team = omp_get_num_threads();  // the system may give fewer
    int64_t at = 0;
    try {
      walk_range(count * worker / team, count * (worker + 1) / team, descending, worker, work, at);
    } catch (...) {
      failures[static_cast<size_t>(worker)] = {at, std::current_exception()};
    }
  }
  std::ranges::sort(failures, {}, [](const auto& failure) { return failure.first; });
  for (const auto& [index, failure] : failures)
    if (failure) std::rethrow_exception(failure);
}

void parallel_chunks(int64_t images, const std::function<void(const Chunk&)>& work) {
  parallel_for(
      chunk_count(images),
      [&](int64_t index, int worker) {
        const int64_t first = index * images_per_chunk;
        work({index, first, std::min(images_per_chunk, images - first), worker});
      },
      Walk::alternating);
}

}  // namespace quantdyn
