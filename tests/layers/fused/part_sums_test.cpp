#include "layers/fused/part_sums.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "framework/base/rng.h"

using namespace quantdyn;

namespace {

/// One of several ranks whose gather() gives what the test has made for all.
class GivenRanks : public Ranks {
 public:
  GivenRanks(int rank, int count, std::vector<std::byte> all)
      : rank_(rank), count_(count), all_(std::move(all)) {}
  int rank() const override { return rank_; }
  int count() const override { return count_; }
  Traffic traffic() const override { return {}; }
  std::vector<std::byte> gather(std::span<const std::byte>, std::span<const int64_t>) override {
    return all_;
  }
  std::unique_ptr<Exchange> start_gather(std::vector<std::byte>,
                                         std::span<const int64_t>) override {
    return nullptr;
  }
  std::unique_ptr<Exchange> start_scatter(std::vector<std::byte>, std::span<const int64_t>,
                                          std::span<const int64_t>) override {
    return nullptr;
  }
  void progress() override {}
  void add_up(std::span<uint32_t>) override {}
  void add_up(std::span<int64_t>) override {}
  void broadcast(std::vector<std::byte>&) override {}
  void give(std::span<const std::byte>) override {}
  std::vector<std::byte> take(int, const std::function<void()>&) override { return {}; }
  void abort(int status) override { std::_Exit(status); }

 private:
  int rank_, count_;
  std::vector<std::byte> all_;
};

/// What waits for bytes that no rank has given yet.
struct NotYet {};

struct GivenBytes final : Exchange {
  std::vector<std::byte> wait() override {
    if (!is_whole) throw NotYet();
    return all;
  }
  bool is_whole = true;
  std::vector<std::byte> all;
};

/// What each rank has given so far: to each of the others, and to all.
struct Given {
  std::vector<std::vector<std::vector<std::byte>>> to;
  std::vector<std::vector<std::byte>> to_all;
};

/// Ranks that run one after the other: what they wait for comes from what they gave before.
class RanksInTurn final : public GivenRanks {
 public:
  RanksInTurn(int rank, int count, Given& given) : GivenRanks(rank, count, {}), given_(given) {
    given_.to.resize(static_cast<size_t>(count));
    given_.to_all.resize(static_cast<size_t>(count));
  }
  std::unique_ptr<Exchange> start_scatter(std::vector<std::byte> own, std::span<const int64_t> to,
                                          std::span<const int64_t> from) override {
    auto& parts = given_.to[static_cast<size_t>(rank())];
    parts.clear();
    for (auto at = own.begin(); const int64_t size : to) {
      parts.emplace_back(at, at + size);
      at += size;
    }
    auto out = std::make_unique<GivenBytes>();
    for (size_t sender = 0; sender < from.size(); ++sender) {
      if (given_.to[sender].empty()) {
        out->is_whole = false;
        break;
      }
      const auto& part = given_.to[sender][static_cast<size_t>(rank())];
      BOOST_TEST(std::ssize(part) == from[sender]);
      out->all.insert(out->all.end(), part.begin(), part.end());
    }
    return out;
  }
  std::unique_ptr<Exchange> start_gather(std::vector<std::byte> own,
                                         std::span<const int64_t> sizes) override {
    given_.to_all[static_cast<size_t>(rank())] = std::move(own);
    auto out = std::make_unique<GivenBytes>();
    for (size_t sender = 0; sender < sizes.size(); ++sender) {
      const std::vector<std::byte>& part = given_.to_all[sender];
      if (std::ssize(part) != sizes[sender]) out->is_whole = false;
      out->all.insert(out->all.end(), part.begin(), part.end());
    }
    return out;
  }

 private:
  Given& given_;
};

struct LeaveRanks {
  ~LeaveRanks() { set_ranks(nullptr); }
};

constexpr int64_t size = 5;

/// Parts of `images_a_part` images, [parts, size], whose sum depends on its order.
std::vector<float> parts_of(int64_t images, int64_t images_a_part) {
  std::vector<float> out(static_cast<size_t>((images + images_a_part - 1) / images_a_part * size));
  const Rng rng(7);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(rng.normal(i) * std::pow(10.0, static_cast<double>(i % 7)));
  return out;
}

/// The sums of a share's subtrees.
std::vector<float> node_sums(std::vector<float> parts, const BatchShare& share,
                             int64_t images_a_part) {
  std::vector<float> out;
  for (const PartNode& node : nodes_of_share(share, images_a_part)) {
    add_parts(parts.data() + node.first * size, node.end - node.first, size);
    out.insert(out.end(), parts.begin() + node.first * size,
               parts.begin() + (node.first + 1) * size);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(part_sums_test)

BOOST_AUTO_TEST_CASE(joined_sums_have_the_bits_of_one_rank) {
  const LeaveRanks leave;
  for (int64_t images : {40, 128, 250, 256, 1000})
    for (int64_t images_a_part : {8, 32})
      for (int count : {2, 3, 4, 8}) {
        const std::vector<float> parts = parts_of(images, images_a_part);
        std::vector<float> expected = parts, all, joined(size);
        add_parts(expected.data(), std::ssize(parts) / size, size);
        for (int rank = 0; rank < count; ++rank) {
          const auto sums = node_sums(parts, share_of(images, rank, count), images_a_part);
          all.insert(all.end(), sums.begin(), sums.end());
        }
        const auto bytes = std::as_bytes(std::span(all));
        set_ranks(std::make_unique<GivenRanks>(0, count,
                                               std::vector<std::byte>(bytes.begin(), bytes.end())));
        const BatchShare share = share_of(images, 0, count);
        const SharedBatch shared(share);
        join_nodes(all.data(), size, images_a_part, joined.data());
        BOOST_TEST(std::memcmp(joined.data(), expected.data(), size * sizeof(float)) == 0,
                   images << " images, parts of " << images_a_part << ", " << count << " ranks");
      }
}

BOOST_AUTO_TEST_CASE(sums_that_are_joined_later_have_the_bits_of_one_rank) {
  const LeaveRanks leave;
  for (int64_t images : {40, 128, 250, 1000})
    for (int count : {2, 3, 4, 8}) {
      const std::vector<float> parts = parts_of(images, 32);
      std::vector<float> expected = parts;
      add_parts(expected.data(), std::ssize(parts) / size, size);
      Given given;
      int totals = 0;
      for (int round = 0; round < 3; ++round)
        for (int rank = 0; rank < count; ++rank) {
          set_ranks(std::make_unique<RanksInTurn>(rank, count, given));
          const BatchShare share = share_of(images, rank, count);
          SharedBatch shared(share);
          std::vector<float> total(size);
          join_nodes_later(node_sums(parts, share, 32), size, 32, total.data());
          try {
            shared.finish();
          } catch (const NotYet&) {
            continue;
          }
          ++totals;
          BOOST_TEST(std::memcmp(total.data(), expected.data(), size * sizeof(float)) == 0,
                     images << " images, rank " << rank << " of " << count);
        }
      BOOST_TEST(totals >= count);
    }
}

BOOST_AUTO_TEST_CASE(parts_made_one_by_one_have_the_bits_of_the_tree) {
  for (int64_t count = 1; count < 40; ++count) {
    const std::vector<float> parts = parts_of(count * 8, 8);
    std::vector<float> expected = parts, total(size);
    add_parts(expected.data(), count, size);
    std::vector<float> held(static_cast<size_t>(parts_held(count) * size));
    sum_parts(count, size, held.data(), total.data(), [&](int64_t part, float* to) {
      for (int64_t i = 0; i < size; ++i) to[i] += parts[static_cast<size_t>(part * size + i)];
    });
    BOOST_TEST(std::memcmp(total.data(), expected.data(), size * sizeof(float)) == 0,
               count << " parts");
  }
}

BOOST_AUTO_TEST_SUITE_END()
