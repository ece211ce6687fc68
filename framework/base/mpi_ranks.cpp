#include "framework/base/mpi_ranks.h"

#include <cstdlib>

#include "framework/base/error.h"
#if QUANTDYN_MPI
#include <algorithm>
#define OMPI_SKIP_MPICXX \
  1  // the C interface alone: the old C++ one would need a library of its own
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

namespace quantdyn {
namespace {

/// Of processes, as Open MPI's and MPICH's launchers and Slurm's say; 1 if none does.
int launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  return 1;
}

#if QUANTDYN_MPI

class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    int provided = 0;
    // Only the main thread calls MPI. An error within MPI ends all processes with MPI's message.
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
  }
  ~MpiRanks() override { MPI_Finalize(); }

  int rank() const override { return rank_; }
  int count() const override { return count_; }

  std::vector<std::byte> gather(std::span<const std::byte> own,
                                std::span<const int64_t> sizes) override {
    int64_t total = 0;
    for (const int64_t size : sizes) total += size;
    std::vector<std::byte> all(static_cast<size_t>(total));
    // MPI counts in int: rank by rank, in blocks that it can count.
    constexpr int64_t block = 1 << 30;
    if (total < block) {
      std::vector<int> counts, offsets;
      for (int offset = 0; const int64_t size : sizes) {
        counts.push_back(static_cast<int>(size));
        offsets.push_back(offset);
        offset += static_cast<int>(size);
      }
      MPI_Allgatherv(own.data(), static_cast<int>(own.size()), MPI_BYTE, all.data(), counts.data(),
                     offsets.data(), MPI_BYTE, MPI_COMM_WORLD);
      return all;
    }
    std::byte* at = all.data();
    for (int rank = 0; rank < count_; ++rank) {
      const int64_t size = sizes[static_cast<size_t>(rank)];
      if (rank == rank_) std::copy(own.begin(), own.end(), at);
      for (int64_t done = 0; done < size; done += block)
        MPI_Bcast(at + done, static_cast<int>(std::min(block, size - done)), MPI_BYTE, rank,
                  MPI_COMM_WORLD);
      at += size;
    }
    return all;
  }

  void broadcast(std::vector<std::byte>& bytes) override {
    std::vector<int64_t> sizes(static_cast<size_t>(count_), 0);
    sizes[0] = std::ssize(bytes);
    MPI_Bcast(sizes.data(), 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    bytes = gather(rank_ == 0 ? std::span<const std::byte>(bytes) : std::span<const std::byte>(),
                   sizes);
  }

  void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

 private:
  int rank_ = 0, count_ = 1;
};

#endif

}  // namespace

std::unique_ptr<Ranks> join_mpi_ranks() {
  if (launched() <= 1) return nullptr;
#if QUANTDYN_MPI
  return std::make_unique<MpiRanks>();
#else
  throw_error<ConfigError>(
      "started as one of {} processes, but this program is built without MPI; accepted: a program "
      "built with meson's -Dmpi=enabled, or one process",
      launched());
#endif
}

}  // namespace quantdyn
