#include "data/loader.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>

#include "data/order.h"
#include "framework/base/threads.h"
#include "tests/data/ramp_dataset.h"

using namespace quantdyn;

namespace {

const Standardization plain{{0}, {1}};
const Shape pixel{1, 1, 1};

LoaderSettings training(int64_t batch_size) {
  LoaderSettings settings;
  settings.batch_size = batch_size;
  return settings;
}

/// The images of an epoch, in order, from a dataset of one-pixel images (image i is 100 i).
std::vector<int64_t> epoch_order(Loader& loader, int64_t epoch) {
  std::vector<int64_t> order;
  loader.start_epoch(epoch);
  for (int64_t b = 0; b < loader.batches(); ++b) {
    const Batch& batch = loader.next();
    for (int64_t i = 0; i < batch.images; ++i)
      order.push_back(static_cast<int64_t>(batch.x[i]) / 100);
  }
  return order;
}

/// The first image of the first epoch of a dataset that holds one, under the given settings.
std::vector<float> augmented(LoaderSettings settings, uint64_t seed, Shape shape) {
  settings.batch_size = 1;
  const RampDataset data(1, shape);
  const std::vector<double> zeros(static_cast<size_t>(shape.channels()), 0), ones(zeros.size(), 1);
  Loader loader(data, {zeros, ones}, settings, Rng(seed));
  loader.start_epoch(0);
  const Batch& batch = loader.next();
  return {batch.x.values().begin(), batch.x.values().end()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(an_epoch_can_begin_at_a_later_batch) {
  const RampDataset data(64, pixel);
  Loader loader(data, plain, training(8), Rng(1));
  const auto whole = epoch_order(loader, 3);
  for (int64_t first = 0; first < loader.batches(); ++first) {
    loader.start_epoch(3, first);
    for (int64_t b = first; b < loader.batches(); ++b) {
      const Batch& batch = loader.next();
      BOOST_TEST(batch.first == 8 * b);
      BOOST_TEST(static_cast<int64_t>(batch.x[7]) / 100 == whole[static_cast<size_t>(8 * b + 7)]);
    }
    BOOST_CHECK_THROW(loader.next(), Error);
  }
  BOOST_CHECK_THROW(loader.start_epoch(3, 8), Error);
}

BOOST_AUTO_TEST_CASE(an_epoch_is_a_permutation_that_seed_and_epoch_determine) {
  const RampDataset data(60, pixel);
  Loader loader(data, plain, training(10), Rng(1));
  const auto first = epoch_order(loader, 0), second = epoch_order(loader, 1);
  auto sorted = first;
  std::ranges::sort(sorted);
  std::vector<int64_t> all(60);
  std::iota(all.begin(), all.end(), 0);
  BOOST_TEST(sorted == all, boost::test_tools::per_element());
  BOOST_TEST((first != all && first != second));
  BOOST_TEST(epoch_order(loader, 0) == first, boost::test_tools::per_element());
  Loader other_batches(data, plain, training(15), Rng(1));
  BOOST_TEST(epoch_order(other_batches, 1) == second, boost::test_tools::per_element());
  Loader other_seed(data, plain, training(10), Rng(2));
  BOOST_TEST((epoch_order(other_seed, 0) != first));
}

BOOST_AUTO_TEST_CASE(micro_batches_are_the_images_of_their_batch_in_order) {
  const RampDataset data(150, pixel);
  LoaderSettings settings = training(64);
  settings.last_batch = LoaderSettings::LastBatch::keep;
  Loader whole(data, plain, settings, Rng(1));
  settings.micro_batch = 16;
  Loader parts(data, plain, settings, Rng(1));
  BOOST_TEST(parts.batches() == 3);
  const auto expected = epoch_order(whole, 2);
  for (const int64_t first_batch : {0, 1, 2}) {
    parts.start_epoch(2, first_batch);
    for (int64_t at = first_batch * 64; at < 150;) {
      const Batch& batch = parts.next();
      const int64_t begin = at / 64 * 64, of = std::min<int64_t>(64, 150 - begin);
      BOOST_TEST(batch.x.shape()[0] == 16);
      BOOST_TEST(batch.first == at);
      BOOST_TEST(batch.of_batch == of);
      for (int64_t i = 0; i < batch.images; ++i, ++at)
        BOOST_TEST(static_cast<int64_t>(batch.x[i]) / 100 == expected[static_cast<size_t>(at)]);
      BOOST_TEST(batch.ends_batch == (at == begin + of));
    }
    BOOST_CHECK_THROW(parts.next(), Error);
  }
}

/// Chunks that are read in this order where the last `kept` stay in memory.
std::vector<int64_t> chunks_read(const std::vector<int64_t>& order, int64_t together, size_t kept) {
  std::vector<int64_t> read, recent;  // the latest last
  for (const int64_t image : order) {
    const int64_t chunk = image / together;
    if (std::erase(recent, chunk) == 0) read.push_back(chunk);
    recent.push_back(chunk);
    if (recent.size() > kept) recent.erase(recent.begin());
  }
  return read;
}

BOOST_AUTO_TEST_CASE(a_shuffle_by_chunks_reads_each_chunk_once_and_mixes_a_few) {
  const int64_t images = 203, together = 8, kept = 4;
  const RampDataset data(images, pixel, -1, together, kept);
  LoaderSettings settings = training(images);
  settings.shuffle = LoaderSettings::Shuffle::chunks;
  settings.chunks_at_once = kept;
  Loader loader(data, plain, settings, Rng(1));
  const auto first = epoch_order(loader, 0), second = epoch_order(loader, 1);
  std::vector<int64_t> all(static_cast<size_t>(images));
  std::iota(all.begin(), all.end(), 0);
  for (const auto& order : {first, second}) {
    BOOST_TEST(chunks_read(order, together, kept).size() == 26);
    BOOST_TEST(chunks_read(order, together, kept - 1).size() > 26);
    auto sorted = order;
    std::ranges::sort(sorted);
    BOOST_TEST(sorted == all, boost::test_tools::per_element());
  }
  BOOST_TEST((chunks_read(first, together, kept) != chunks_read(second, together, kept)));
  Loader again(data, plain, settings, Rng(1)), other(data, plain, settings, Rng(2));
  BOOST_TEST(epoch_order(again, 1) == second, boost::test_tools::per_element());
  BOOST_TEST((epoch_order(other, 1) != second));
  // How many are kept changes nothing.
  const RampDataset in_memory(images, pixel, -1, together);
  Loader larger(in_memory, plain, settings, Rng(1));
  BOOST_TEST(epoch_order(larger, 1) == second, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_shuffle_by_chunks_needs_chunks_and_memory_for_them) {
  LoaderSettings settings = training(8);
  settings.shuffle = LoaderSettings::Shuffle::chunks;
  const auto refusal = [&](const Dataset& data) {
    try {
      check_shuffle(data, settings);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  BOOST_TEST(refusal(RampDataset(64, pixel)) ==
             "ramp: no two images lie in one chunk of a file; accepted: shuffle: full, or an HDF5 "
             "file with several images in a chunk");
  BOOST_TEST(refusal(RampDataset(64, pixel, -1, 2, 3)) ==
             "ramp: 16 chunks are mixed, and 3 are kept in memory; accepted: shuffle_chunks up to "
             "that, or a larger memory_mib of the dataset");
  settings.chunks_at_once = 3;
  BOOST_TEST(refusal(RampDataset(64, pixel, -1, 2, 3)) == "");
}

BOOST_AUTO_TEST_CASE(last_batch_is_dropped_or_kept) {
  const RampDataset data(25, pixel);
  LoaderSettings settings = training(10);
  Loader drops(data, plain, settings, Rng(1));
  BOOST_TEST(drops.batches() == 2);
  settings.last_batch = LoaderSettings::LastBatch::keep;
  Loader keeps(data, plain, settings, Rng(1));
  BOOST_TEST(keeps.batches() == 3);
  BOOST_TEST(epoch_order(keeps, 0).size() == 25);
}

BOOST_AUTO_TEST_CASE(evaluation_is_in_order_and_padded_with_zeros) {
  const RampDataset data(20, {1, 1, 2});
  Loader loader(data, {{0, 1}, {1, 10}}, LoaderSettings::for_evaluation(16), Rng(1));
  BOOST_TEST(loader.batches() == 2);
  loader.start_epoch(0);
  BOOST_TEST(loader.next().images == 16);
  const Batch& last = loader.next();
  BOOST_TEST(last.x.shape().text() == "[16, 1, 1, 2]");
  BOOST_TEST(last.images == 4);
  BOOST_TEST(last.first == 16);
  BOOST_TEST(last.labels == (std::vector<int32_t>{6, 7, 8, 9}), boost::test_tools::per_element());
  BOOST_TEST(last.x[2] == 1700);
  BOOST_TEST(last.x[3] == 170);
  for (int64_t k = 8; k < 32; ++k) BOOST_TEST(last.x[k] == 0);
}

BOOST_AUTO_TEST_CASE(flip_mirrors_columns_and_keeps_channels_together) {
  LoaderSettings settings;
  settings.flip_probability = 1;
  BOOST_TEST(augmented(settings, 0, {2, 2, 2}) == (std::vector<float>{2, 3, 0, 1, 6, 7, 4, 5}),
             boost::test_tools::per_element());
  settings.flip_probability = 0.5;
  int flips = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) flips += augmented(settings, seed, {1, 2, 1})[0] == 1;
  BOOST_TEST(flips > 70);
  BOOST_TEST(flips < 130);
}

BOOST_AUTO_TEST_CASE(crop_moves_the_image_within_its_frame_of_zeros) {
  LoaderSettings settings;
  settings.crop_padding = 1;
  std::vector<int> seen(9);
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const auto x = augmented(settings, seed, {3, 3, 1});  // the image is 0 ... 8
    int match = -1;
    for (int shift = 0; shift < 9; ++shift) {
      const int down = shift / 3 - 1, right = shift % 3 - 1;
      bool equal = true;
      for (int k = 0; k < 9; ++k) {
        const int row = k / 3 + down, column = k % 3 + right;
        const bool inside = row >= 0 && row < 3 && column >= 0 && column < 3;
        equal = equal &&
                x[static_cast<size_t>(k)] == (inside ? static_cast<float>(row * 3 + column) : 0.0f);
      }
      if (equal) match = shift;
    }
    BOOST_REQUIRE(match >= 0);
    ++seen[static_cast<size_t>(match)];
  }
  for (const int count : seen) BOOST_TEST(count > 10);
}

BOOST_AUTO_TEST_CASE(padding_is_zero_after_standardizing) {
  LoaderSettings settings = training(1);
  settings.crop_padding = 40;  // most crops miss the image altogether
  const RampDataset data(1, pixel);
  Loader loader(data, {{-7}, {1}}, settings, Rng(3));
  loader.start_epoch(0);
  BOOST_TEST(loader.next().x[0] == 0);
}

BOOST_AUTO_TEST_CASE(augmentation_depends_on_no_batch_size) {
  const RampDataset data(40, {4, 4, 1});
  LoaderSettings settings = training(8);
  settings.crop_padding = 2;
  settings.flip_probability = 0.5;
  Loader eight(data, plain, settings, Rng(1));
  settings.batch_size = 40;
  Loader forty(data, plain, settings, Rng(1));
  forty.start_epoch(5);
  eight.start_epoch(5);
  const Batch& all = forty.next();
  for (int64_t b = 0; b < 5; ++b) {
    const Batch& batch = eight.next();
    BOOST_TEST(batch.x.values() == all.x.view().slice(8 * b, 8).values(),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(an_exception_in_the_thread_comes_out_of_next_at_its_batch) {
  const RampDataset data(64, pixel, 17);
  Loader loader(data, plain, LoaderSettings::for_evaluation(8), Rng(1));
  for (int round = 0; round < 2; ++round) {
    loader.start_epoch(round);
    loader.next();
    BOOST_TEST(loader.next().first == 8);
    BOOST_CHECK_EXCEPTION(loader.next(), Error, [](const Error& error) {
      return std::string(error.what()) == "image 17 is broken";
    });
  }
}

BOOST_AUTO_TEST_CASE(an_epoch_can_be_left_and_the_loader_destroyed_at_any_batch) {
  const RampDataset data(400, {8, 8, 3});
  for (int64_t taken = 0; taken < 12; ++taken) {
    Loader loader(data, {{0, 0, 0}, {1, 1, 1}}, LoaderSettings::for_evaluation(16), Rng(1));
    loader.start_epoch(0);
    for (int64_t b = 0; b < taken; ++b) loader.next();
    loader.start_epoch(1);
    BOOST_TEST(loader.next().x[0] == 0);
    BOOST_TEST(loader.next().x[0] == 1600);
  }
}

BOOST_AUTO_TEST_CASE(batch_memory_is_reused) {
  const RampDataset data(400, pixel);
  Loader loader(data, plain, LoaderSettings::for_evaluation(8), Rng(1));
  loader.start_epoch(0);
  std::set<const float*> seen;
  for (int64_t b = 0; b < loader.batches(); ++b) seen.insert(loader.next().x.data());
  BOOST_TEST(seen.size() <= 4);
}

BOOST_AUTO_TEST_CASE(bad_settings_are_refused) {
  const RampDataset data(10, pixel);
  BOOST_CHECK_THROW(Loader(data, plain, training(0), Rng(1)), ConfigError);
  BOOST_CHECK_THROW(Loader(data, plain, training(11), Rng(1)), ConfigError);  // no full batch
  BOOST_CHECK_THROW(Loader(data, plain, LoaderSettings::for_evaluation(12), Rng(1)), ConfigError);
  const auto read = [](const char* yaml) {
    return LoaderSettings::for_training(Options::from_text(yaml, "test.yaml"));
  };
  BOOST_TEST(read("{batch_size: 3, flip_probability: 0.25}").flip_probability == 0.25);
  BOOST_CHECK_THROW(read("{flip_probability: 1.5}"), ConfigError);
  BOOST_CHECK_THROW(read("{last_batch: maybe}"), ConfigError);
  for (const char* micro : {"12", "128", "7", "24"})
    BOOST_CHECK_THROW(read(("{batch_size: 64, micro_batch: " + std::string(micro) + "}").c_str()),
                      ConfigError);
  BOOST_TEST(read("{batch_size: 96, micro_batch: 32}").images_at_once() == 32);
  BOOST_TEST(read("{batch_size: 7}").images_at_once() == 7);
  BOOST_CHECK_THROW(read("{shuffle_chunks: 4}"), ConfigError);  // does nothing
  Loader loader(data, plain, training(5), Rng(1));
  BOOST_CHECK_THROW(loader.next(), Error);  // no epoch was started
}

BOOST_AUTO_TEST_CASE(calibration_images_are_the_first_of_a_shuffle) {
  std::vector<int64_t> order;
  shuffle(Rng(4), 100, order);
  const auto first = first_of_shuffle(Rng(4), 100, 8);
  BOOST_TEST(first.size() == 8);
  BOOST_TEST(std::equal(first.begin(), first.end(), order.begin()));
  BOOST_CHECK_THROW(first_of_shuffle(Rng(4), 100, 101), ConfigError);
}

BOOST_AUTO_TEST_CASE(shuffle_reaches_all_permutations_about_equally) {
  std::vector<int> counts(64);
  std::vector<int64_t> order;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    shuffle(Rng(seed), 3, order);
    ++counts[static_cast<size_t>(order[0] * 16 + order[1] * 4 + order[2])];
  }
  for (const int code : {6, 9, 18, 24, 33, 36})
    BOOST_TEST(std::abs(counts[static_cast<size_t>(code)] - 1000) < 150);
}

BOOST_AUTO_TEST_CASE(load_images_takes_the_images_asked_for) {
  const RampDataset data(30, {1, 1, 2});
  const std::vector<int64_t> indices{29, 3, 3};
  set_worker_count(2);
  const Batch batch = load_images(data, {{0, 0}, {100, 1}}, indices);
  set_worker_count(1);
  BOOST_TEST(batch.x.shape().text() == "[3, 1, 1, 2]");
  BOOST_TEST(batch.labels == (std::vector<int32_t>{9, 3, 3}), boost::test_tools::per_element());
  const std::vector<float> expected{29, 2901, 3, 301, 3, 301};
  BOOST_TEST(batch.x.values() == expected, boost::test_tools::per_element());
  const std::vector<int64_t> outside{30};
  BOOST_CHECK_THROW(load_images(data, {{0, 0}, {1, 1}}, outside), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
