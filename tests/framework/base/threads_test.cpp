#include "framework/base/threads.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "framework/base/stopwatch.h"

using namespace quantdyn;

namespace {

/// Sets the number of threads for one test.
class Workers {
 public:
  explicit Workers(int n) : before_(worker_count()) { set_worker_count(n); }
  ~Workers() { set_worker_count(before_); }

 private:
  int before_;
};

/// A merge that shows its order: "(a,b)".
const auto bracket = [](std::string& left, std::string right) {
  left = "(" + left + "," + right + ")";
};

std::string tree_of(const std::vector<int64_t>& order) {
  ChunkTree<std::string> tree;
  for (const int64_t index : order) tree.add(index, std::to_string(index), bracket);
  return tree.finish(bracket);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads_test)

BOOST_AUTO_TEST_CASE(every_index_runs_once_whatever_the_number_of_threads) {
  for (const int threads : {1, 2, 3, 8})
    for (const int64_t count : {0, 1, 2, 5, 100}) {
      const Workers workers(threads);
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      std::atomic<int> strangers = 0;
      parallel_for(count, [&](int64_t i, int worker) {
        strangers += worker < 0 || worker >= threads;  // Boost.Test is not thread-safe
        ++runs[static_cast<size_t>(i)];
      });
      for (const auto& n : runs) BOOST_TEST(n == 1);
      BOOST_TEST(strangers == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_busy_worker_keeps_nothing_from_the_others) {
  const Workers workers(2);
  std::atomic<int> others = 0;
  bool are_done = false;
  parallel_for(30, [&](int64_t i, int) {
    if (i > 0) {
      ++others;
      return;
    }
    for (const Stopwatch watch; others < 29 && watch.seconds() < 10;) std::this_thread::yield();
    are_done = others == 29;
  });
  BOOST_TEST(are_done);
}

BOOST_AUTO_TEST_CASE(work_inside_work_stays_with_its_worker) {
  const Workers workers(4);
  std::atomic<int> runs = 0, strangers = 0;
  parallel_for(4, [&](int64_t, int outer) {
    parallel_for(5, [&](int64_t, int inner) {
      ++runs;
      strangers += inner != outer;
    });
  });
  BOOST_TEST(runs == 20);
  BOOST_TEST(strangers == 0);
}

BOOST_AUTO_TEST_CASE(the_failure_of_the_lowest_index_is_thrown_again) {
  for (const int threads : {1, 4}) {
    const Workers workers(threads);
    try {
      parallel_for(100, [](int64_t i, int) {
        if (i == 20 || i == 60 || i == 99) throw std::runtime_error(std::to_string(i));
      });
      BOOST_ERROR("nothing was thrown");
    } catch (const std::runtime_error& e) {
      BOOST_TEST(std::string(e.what()) == "20");
    }
  }
}

BOOST_AUTO_TEST_CASE(chunks_cover_a_batch_by_eight_and_the_last_one_is_short) {
  const Workers workers(3);
  std::vector<int64_t> images(3, -1);
  parallel_chunks(20, [&](const Chunk& chunk) {
    images[static_cast<size_t>(chunk.index)] = chunk.first == 8 * chunk.index ? chunk.images : -1;
  });
  BOOST_TEST(images == (std::vector<int64_t>{8, 8, 4}));
  BOOST_TEST(chunk_count(16) == 2);
  BOOST_TEST(chunk_count(0) == 0);
}

BOOST_AUTO_TEST_CASE(a_tree_merges_aligned_pairs_and_folds_the_rest_from_the_right) {
  BOOST_TEST(tree_of({0}) == "0");
  BOOST_TEST(tree_of({0, 1, 2}) == "((0,1),2)");
  BOOST_TEST(tree_of({0, 1, 2, 3, 4, 5, 6}) == "(((0,1),(2,3)),((4,5),6))");
}

BOOST_AUTO_TEST_CASE(a_tree_is_the_same_for_every_order_of_arrival) {
  std::mt19937 shuffle(1);
  for (const int n : {1, 2, 7, 13, 32}) {
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    const std::string expected = tree_of(order);
    for (int round = 0; round < 20; ++round) {
      std::shuffle(order.begin(), order.end(), shuffle);
      BOOST_TEST(tree_of(order) == expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(trees_of_several_workers_absorb_to_the_tree_of_one) {
  std::vector<int64_t> all(29);
  std::iota(all.begin(), all.end(), 0);
  const std::string expected = tree_of(all);
  for (const int workers : {2, 3, 5}) {
    std::vector<ChunkTree<std::string>> trees(static_cast<size_t>(workers));
    for (const int64_t i : all)
      trees[static_cast<size_t>(i * workers / 29)].add(i, std::to_string(i), bracket);
    ChunkTree<std::string> total;
    for (size_t w = trees.size(); w-- > 0;) total.absorb(std::move(trees[w]), bracket);
    BOOST_TEST(trees[0].empty());
    BOOST_TEST(total.finish(bracket) == expected);
    BOOST_TEST(total.empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
