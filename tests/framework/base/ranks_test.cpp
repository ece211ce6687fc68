#include "framework/base/ranks.h"

#include <boost/test/unit_test.hpp>

#include "framework/base/error.h"

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(ranks_test)

BOOST_AUTO_TEST_CASE(shares_are_whole_parts_and_cover_the_batch) {
  for (int64_t images : {32, 33, 128, 250, 256, 2048})
    for (int count : {1, 2, 3, 4, 8}) {
      int64_t next = 0;
      for (int rank = 0; rank < count; ++rank) {
        const BatchShare share = share_of(images, rank, count);
        BOOST_TEST((share.images == 0 || share.first == next));
        BOOST_TEST(share.first % images_per_share == 0);
        BOOST_TEST(share.of == images);
        next += share.images;
      }
      BOOST_TEST(next == images);
    }
}

BOOST_AUTO_TEST_CASE(subtrees_are_the_fewest_aligned_ones) {
  const auto text = [](int64_t first, int64_t end) {
    std::string out;
    for (const PartNode& node : nodes_of_parts(first, end))
      out += fmt::format("{}-{} ", node.first, node.end);
    return out;
  };
  BOOST_TEST(text(0, 8) == "0-8 ");
  BOOST_TEST(text(0, 7) == "0-4 4-6 6-7 ");
  BOOST_TEST(text(3, 12) == "3-4 4-8 8-12 ");
  BOOST_TEST(text(5, 5) == "");
}

BOOST_AUTO_TEST_SUITE_END()
