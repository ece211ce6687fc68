#include "framework/base/mpi_ranks.h"

#include <cstdlib>

#include "framework/base/error.h"
#if QUANTDYN_MPI
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#define OMPI_SKIP_MPICXX \
  1  // the C interface alone: the old C++ one would need a library of its own
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include "framework/base/stopwatch.h"
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

std::vector<int> as_counts(std::span<const int64_t> sizes) { return {sizes.begin(), sizes.end()}; }

std::vector<int> starts_of(std::span<const int> counts) {
  std::vector<int> out;
  for (int start = 0; const int count : counts) {
    out.push_back(start);
    start += count;
  }
  return out;
}

/// Both buffers stay where they are until MPI has done with them.
class MpiExchange final : public Exchange {
 public:
  MpiExchange(std::vector<std::byte> own, std::span<const int64_t> from, int rank, Traffic& traffic)
      : own_(std::move(own)),
        from_(as_counts(from)),
        from_starts_(starts_of(from_)),
        traffic_(traffic) {
    received_.resize(static_cast<size_t>(from_.back() + from_starts_.back()));
    ++under_way;
    ++traffic_.later_exchanges;
    traffic_.later_bytes += std::ssize(received_) - from_[static_cast<size_t>(rank)];
  }
  void start_gather() {
    MPI_Iallgatherv(own_.data(), static_cast<int>(own_.size()), MPI_BYTE, received_.data(),
                    from_.data(), from_starts_.data(), MPI_BYTE, MPI_COMM_WORLD, &request_);
  }
  void start_scatter(std::span<const int64_t> to) {
    to_ = as_counts(to);
    to_starts_ = starts_of(to_);
    MPI_Ialltoallv(own_.data(), to_.data(), to_starts_.data(), MPI_BYTE, received_.data(),
                   from_.data(), from_starts_.data(), MPI_BYTE, MPI_COMM_WORLD, &request_);
  }
  std::vector<std::byte> wait() override {
    const Stopwatch watch;
    MPI_Wait(&request_, MPI_STATUS_IGNORE);
    --under_way;
    traffic_.seconds += watch.seconds();
    return std::move(received_);
  }

  static inline std::atomic<int> under_way = 0;

 private:
  std::vector<std::byte> own_, received_;
  std::vector<int> to_, to_starts_, from_, from_starts_;
  Traffic& traffic_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

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
  Traffic traffic() const override { return traffic_; }

  std::vector<std::byte> gather(std::span<const std::byte> own,
                                std::span<const int64_t> sizes) override {
    const Stopwatch watch;
    int64_t total = 0;
    for (const int64_t size : sizes) total += size;
    ++traffic_.exchanges;
    traffic_.bytes += total - std::ssize(own);
    std::vector<std::byte> all(static_cast<size_t>(total));
    if (total <= largest_exchange) {
      const std::vector<int> counts = as_counts(sizes), starts = starts_of(counts);
      MPI_Allgatherv(own.data(), static_cast<int>(own.size()), MPI_BYTE, all.data(), counts.data(),
                     starts.data(), MPI_BYTE, MPI_COMM_WORLD);
      traffic_.seconds += watch.seconds();
      return all;
    }
    // MPI counts in int: rank by rank, in blocks that it can count.
    std::byte* at = all.data();
    for (int rank = 0; rank < count_; ++rank) {
      const int64_t size = sizes[static_cast<size_t>(rank)];
      if (rank == rank_) std::copy(own.begin(), own.end(), at);
      for (int64_t done = 0; done < size; done += block)
        MPI_Bcast(at + done, static_cast<int>(std::min(block, size - done)), MPI_BYTE, rank,
                  MPI_COMM_WORLD);
      at += size;
    }
    traffic_.seconds += watch.seconds();
    return all;
  }

  std::unique_ptr<Exchange> start_gather(std::vector<std::byte> own,
                                         std::span<const int64_t> sizes) override {
    auto out = std::make_unique<MpiExchange>(std::move(own), sizes, rank_, traffic_);
    out->start_gather();
    return out;
  }

  std::unique_ptr<Exchange> start_scatter(std::vector<std::byte> own, std::span<const int64_t> to,
                                          std::span<const int64_t> from) override {
    auto out = std::make_unique<MpiExchange>(std::move(own), from, rank_, traffic_);
    out->start_scatter(to);
    return out;
  }

  void progress() override {
    if (MpiExchange::under_way == 0) return;
    int is_main = 0, is_there = 0;
    MPI_Is_thread_main(&is_main);
    if (is_main) MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE);
  }

  void add_up(std::span<uint32_t> counts) override { add_up(counts, MPI_UINT32_T); }
  void add_up(std::span<int64_t> counts) override { add_up(counts, MPI_INT64_T); }

  void broadcast(std::vector<std::byte>& bytes) override {
    std::vector<int64_t> sizes(static_cast<size_t>(count_), 0);
    sizes[0] = std::ssize(bytes);
    MPI_Bcast(sizes.data(), 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    bytes = gather(rank_ == 0 ? std::span<const std::byte>(bytes) : std::span<const std::byte>(),
                   sizes);
  }

  void give(std::span<const std::byte> bytes) override {
    const int64_t size = std::ssize(bytes);
    MPI_Send(&size, 1, MPI_INT64_T, 0, 0, MPI_COMM_WORLD);
    for (int64_t done = 0; done < size; done += block)
      MPI_Send(bytes.data() + done, static_cast<int>(std::min(block, size - done)), MPI_BYTE, 0, 0,
               MPI_COMM_WORLD);
  }

  std::vector<std::byte> take(int rank, const std::function<void()>& meanwhile) override {
    for (int is_there = 0;;) {
      MPI_Iprobe(rank, 0, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE);
      if (is_there) break;
      meanwhile();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    int64_t size = 0;
    MPI_Recv(&size, 1, MPI_INT64_T, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    std::vector<std::byte> out(static_cast<size_t>(size));
    for (int64_t done = 0; done < size; done += block)
      MPI_Recv(out.data() + done, static_cast<int>(std::min(block, size - done)), MPI_BYTE, rank, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return out;
  }

  void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

 private:
  static constexpr int64_t block = largest_exchange;

  template <typename T>
  void add_up(std::span<T> counts, MPI_Datatype type) {
    const Stopwatch watch;
    ++traffic_.exchanges;
    traffic_.bytes += static_cast<int64_t>(counts.size_bytes());
    for (int64_t done = 0; done < std::ssize(counts); done += block)
      MPI_Allreduce(MPI_IN_PLACE, counts.data() + done,
                    static_cast<int>(std::min(block, std::ssize(counts) - done)), type, MPI_SUM,
                    MPI_COMM_WORLD);
    traffic_.seconds += watch.seconds();
  }

  int rank_ = 0, count_ = 1;
  Traffic traffic_;
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
