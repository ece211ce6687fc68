#include "framework/threads.h"

#include <omp.h>

#include <exception>

namespace quantdyn {
namespace {
int workers = 1;
}

int worker_count() { return workers; }

void set_worker_count(int n) {
  workers = n;
  omp_set_dynamic(0);
  omp_set_num_threads(n);
}

void parallel_for(int64_t count, const std::function<void(int64_t, int)>& work) {
  if (omp_in_parallel() || workers == 1 || count == 1) {
    const int worker = omp_in_parallel() ? omp_get_thread_num() : 0;
    for (int64_t i = 0; i < count; ++i) work(i, worker);
    return;
  }
  std::vector<std::pair<int64_t, std::exception_ptr>> failures(static_cast<size_t>(workers),
                                                               {count, nullptr});
#pragma omp parallel num_threads(workers)
  {
    const int worker = omp_get_thread_num(),
              team = omp_get_num_threads();  // the system may give fewer
    const int64_t begin = count * worker / team, end = count * (worker + 1) / team;
    int64_t i = begin;
    try {
      for (; i < end; ++i) work(i, worker);
    } catch (...) {
      failures[static_cast<size_t>(worker)] = {i, std::current_exception()};
    }
  }
  for (const auto& [index, failure] : failures)
    if (failure) std::rethrow_exception(failure);
}

void parallel_chunks(int64_t images, const std::function<void(const Chunk&)>& work) {
  parallel_for(chunk_count(images), [&](int64_t index, int worker) {
    const int64_t first = index * images_per_chunk;
    work({index, first, std::min(images_per_chunk, images - first), worker});
  });
}

}  // namespace quantdyn
